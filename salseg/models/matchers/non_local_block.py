"""Non-local block over space and time."""

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.ops import linear_non_local


class NonLocalBlock(nn.Module):
    """Every position of every frame gathers from all positions of all frames, without softmax (RCRNet, section 3.2).

    The response is divided by the number of positions. The last layer starts at zero, so the block starts as identity.

    Args:
        channels: Of the features.
        inner: Channels inside; half of them by default.
    """

    def __init__(self, channels: int, inner: int | None = None) -> None:
        super().__init__()
        inner = inner or channels // 2
        # Convolutions of one position, kept in that form for the published weights; they run as matrix products.
        self.theta = nn.Conv3d(channels, inner, 1)
        self.phi = nn.Conv3d(channels, inner, 1)
        self.g = nn.Conv3d(channels, inner, 1)
        self.expand = nn.Conv3d(inner, channels, 1)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C, h, w) to the same shape; order and number of frames are free."""
        batch, frames, channels, height, width = x.shape
        rows = x.permute(0, 1, 3, 4, 2).reshape(batch, -1, channels)
        response = linear_non_local(*(_linear(layer, rows) for layer in (self.theta, self.phi, self.g)))
        rows = rows + _linear(self.expand, response)
        return rows.reshape(batch, frames, height, width, channels).permute(0, 1, 4, 2, 3).contiguous()


def _linear(layer: nn.Conv3d, rows: Tensor) -> Tensor:
    return F.linear(rows, layer.weight.flatten(1), layer.bias)
