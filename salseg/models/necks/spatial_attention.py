"""Spatial attention: a map rescaled and shifted at every position as another map says."""

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.layers import ConvBNReLU
from salseg.ops import resize


class SpatialAttention(nn.Module):
    """Weight and offset of every position and channel come from a guiding map (GCPANet, AAAI 2020).

    Args:
        in_channels: Channels of the map that is modulated.
        guide_channels: Channels of the map that guides.
        width: Channels of the result.
    """

    def __init__(self, in_channels: int, guide_channels: int, width: int = 256) -> None:
        super().__init__()
        self.project = ConvBNReLU(in_channels, width)
        self.affine = nn.Conv2d(guide_channels, 2 * width, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """(N, in_channels, h, w) and (N, guide_channels, any, any) to (N, width, h, w)."""
        x = self.project(x)
        weight, offset = resize(self.affine(guide), x.shape[-2:]).chunk(2, dim=1)
        return F.relu(weight * x + offset)
