"""Video salient object detection with contrastive features and attention modules (WACV 2022)."""

from projects.contrastive_vsod.attention import ContrastiveAttention
from projects.contrastive_vsod.gradual_head import GradualUpsamplingHead

__all__ = ['ContrastiveAttention', 'GradualUpsamplingHead']
