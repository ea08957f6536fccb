"""From features to logits."""

from salseg.models.heads.pyramid import LateralPyramidHead, MultiLevelSaliencyHead

__all__ = ['LateralPyramidHead', 'MultiLevelSaliencyHead']
