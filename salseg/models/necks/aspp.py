"""Atrous spatial pyramid pooling."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.layers import ConvBNReLU, init_kaiming
from salseg.ops import resize
from salseg.registry import NECKS


@NECKS.register_module()
class ASPP(nn.Module):
    """Several dilations and the global mean side by side, on the coarsest level (DeepLabv3, 2017).

    Args:
        in_channels: Of the coarsest level.
        channels: Of every branch and of the result.
        rates: Dilations of the 3x3 branches; a 1x1 branch and the pooled one come with them.
        project_kernel: Side of the convolution that joins the branches: DeepLabv3 has 1, RCRNet 3.
        pool_first: Whether the pooled branch is joined before the others (RCRNet) or after them.
        dropout: Probability in training.
        drop_channels: Drop whole channels instead of single values.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 256,
        rates: Sequence[int] = (12, 24, 36),
        project_kernel: int = 1,
        pool_first: bool = False,
        dropout: float = 0.5,
        drop_channels: bool = False,
    ) -> None:
        super().__init__()
        self.pool_first = pool_first
        self.pool = ConvBNReLU(in_channels, channels, 1, bias=False)
        branches = [ConvBNReLU(in_channels, channels, 1, bias=False)]
        branches += [_dilated(in_channels, channels, rate) for rate in rates]
        self.branches = nn.ModuleList(branches)
        self.project = ConvBNReLU((len(branches) + 1) * channels, channels, project_kernel, bias=False)
        self.dropout = nn.Dropout2d(dropout) if drop_channels else nn.Dropout(dropout)
        init_kaiming(self, 'fan_out')

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Levels (N, C_i, h_i, w_i), fine to coarse; only the coarsest changes, to (N, channels, h, w)."""
        *finer, x = features
        pooled = self.pool(F.adaptive_avg_pool2d(x, 1))
        # The resize of one pixel is a constant map.
        maps = [branch(x) for branch in self.branches]
        constant = resize(pooled, x.shape[-2:])
        joined = [constant, *maps] if self.pool_first else [*maps, constant]
        return [*finer, self.dropout(self.project(torch.cat(joined, dim=1)))]


def _dilated(channels_in: int, channels: int, rate: int) -> ConvBNReLU:
    branch = ConvBNReLU(channels_in, channels, 3, bias=False)
    branch.conv.dilation = branch.conv.padding = (rate, rate)
    return branch
