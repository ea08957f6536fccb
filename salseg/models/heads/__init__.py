"""From features to logits."""

from salseg.models.heads.multi_level_saliency import MultiLevelSaliencyHead

__all__ = ['MultiLevelSaliencyHead']
