"""Co-saliency by a mask-guided fully convolutional network and multi-scale label smoothing (CVPR 2019)."""

from projects.mask_guided_fcn.backbone import TwoBranchLite0, TwoBranchVGG16
from projects.mask_guided_fcn.head import FCNHead
from projects.mask_guided_fcn.learner import MaskLearner
from projects.mask_guided_fcn.segmentor import MaskGuidedSegmentor

__all__ = ['FCNHead', 'MaskGuidedSegmentor', 'MaskLearner', 'TwoBranchLite0', 'TwoBranchVGG16']
