"""Co-saliency by a mask-guided fully convolutional network and multi-scale label smoothing (CVPR 2019)."""

from projects.mask_guided_fcn.explaining import MasksExplainer
from projects.mask_guided_fcn.mask_guided_fcn import MaskGuidedSegmentor, MaskLearner
from projects.mask_guided_fcn.modules import FCNHead, TwoBranchLite0, TwoBranchVGG16

__all__ = ['FCNHead', 'MaskGuidedSegmentor', 'MaskLearner', 'MasksExplainer', 'TwoBranchLite0', 'TwoBranchVGG16']
