"""Video salient object detection with contrastive features and attention modules (WACV 2022)."""

from projects.contrastive_vsod.explaining import AttentionExplainer
from projects.contrastive_vsod.modules import ContrastiveAttention, GradualUpsamplingHead

__all__ = ['AttentionExplainer', 'ContrastiveAttention', 'GradualUpsamplingHead']
