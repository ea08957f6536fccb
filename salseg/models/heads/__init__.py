"""From features to logits."""

from salseg.models.heads.lateral_pyramid import LateralPyramidHead
from salseg.models.heads.multi_level_saliency import MultiLevelSaliencyHead

__all__ = ['LateralPyramidHead', 'MultiLevelSaliencyHead']
