"""A neck: features of one frame in, features of one frame out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from salseg.models.fitting import Takes
from salseg.registry import NECKS


@NECKS.register_module()
class ChannelScaleNeck(nn.Module):
    """Weigh every channel by a learnt factor and bring all levels to one width.

    Args:
        in_channels: Channels of the levels, fine to coarse.
        width: Channels of every result.
    """

    def __init__(self, in_channels: Sequence[int], width: int = 16) -> None:
        super().__init__()
        self.takes = [Takes('in_channels', in_channels)]
        self.out_channels = (width,) * len(in_channels)
        self.scales = nn.ParameterList(torch.ones(channels, 1, 1) for channels in in_channels)
        self.project = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in in_channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """(N, in_channels[i], h_i, w_i) to (N, width, h_i, w_i) for each level."""
        return [project(scale * level) for project, scale, level in zip(self.project, self.scales, features)]
