"""Necks that join levels and scales."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import ConvBNReLU, init_kaiming, joined, times
from salseg.models.necks.attention import ChannelAttention, SpatialAttention
from salseg.models.necks.refinement import SelfRefinement
from salseg.ops import resize
from salseg.registry import NECKS


class AGGM(nn.Module):
    """Aggregation module: three maps, each multiplied with another, then added with learned weights (thesis eq. 4.1).

    The weights are one number for each image and path. In the released form they have no activation and are divided by
    their sum, and nothing keeps that sum from zero.

    Args:
        low_channels: Channels of the low-level map, whose size the result has.
        width: Channels of the other two maps and of the result.
        attention: 'sum' divides the weights by their sum, as released; 'softmax', our own, keeps them positive, which
            short trainings need; False gives the module of GCPANet instead, where the paths are concatenated (thesis
            table 4.4). True is 'sum'.

    Raises:
        ConfigError: The attention is none of these.
    """

    def __init__(self, low_channels: int, width: int = 256, *, attention: bool | str = 'sum') -> None:
        super().__init__()
        if attention not in (True, False, 'sum', 'softmax'):
            raise ConfigError(f"AGGM: attention={attention!r}; expected 'sum', 'softmax' or False.")
        self.softmax = attention == 'softmax'
        self.low = ConvBNReLU(low_channels, width)
        self.high = ConvBNReLU(width, width)
        self.context = ConvBNReLU(width, width)
        self.low_gate = nn.Conv2d(width, width, 3, padding=1)
        self.high_gate = nn.Conv2d(width, width, 3, padding=1)
        self.context_gate = nn.Conv2d(width, width, 3, padding=1)
        # In the order of the paths below: high, low, context.
        self.scores = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for _ in range(3 if attention else 0))
        self.fuse = ConvBNReLU(width if attention else 3 * width, width)

    def forward(self, low: Tensor, high: Tensor, context: Tensor) -> Tensor:
        """(N, low_channels, h, w) and two maps (N, width, any, any) to (N, width, h, w)."""
        low, high, context = self.low(low), self.high(high), self.context(context)
        size = low.shape[-2:]
        paths = (
            F.relu(times(self.low_gate(low), resize(high, size), self.low_gate), inplace=True),
            F.relu(times(resize(self.high_gate(high), size), low, self.high_gate), inplace=True),
            F.relu(times(resize(self.context_gate(context), size), low, self.context_gate), inplace=True),
        )
        return self.fuse(self.aggregate(paths) if self.scores else torch.cat(paths, dim=1))

    def aggregate(self, paths: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Three maps (N, width, h, w) to one: the weighted mean of eq. 4.1."""
        weights = [score(path).mean((2, 3), keepdim=True) for score, path in zip(self.scores, paths)]
        each = torch.stack(weights)
        fractions = each.softmax(0) if self.softmax else each / each.sum(0)
        # The weights are divided and not the maps, and sums are taken in place: fewer passes over memory.
        total = fractions[0] * paths[0]
        for fraction, path in zip(fractions[1:], paths[1:]):
            total = total.add_(fraction * path)
        return total


@NECKS.register_module()
class ProgressiveAggregationNeck(nn.Module):
    """The decoder of GCPANet (AAAI 2020), which SCWSSOD takes over with AGGM in place of its aggregation.

    The coarsest map goes through spatial and channel attention. From there downwards each level joins three maps, its
    own features, the result above and the global context, and every result is refined.

    Args:
        in_channels: Channels of the features, fine to coarse, two levels or more.
        width: Channels of the results.
        attention: 'sum' or 'softmax' adds the three maps by learned weights (AGGM), False concatenates them (GCPANet).

    Attributes:
        out_channels: Channels of the results, fine to coarse.

    Raises:
        ConfigError: There are fewer than two levels.
    """

    def __init__(self, in_channels: Sequence[int], width: int = 256, attention: bool | str = 'sum') -> None:
        super().__init__()
        if len(in_channels) < 2:
            raise ConfigError(f'in_channels is {tuple(in_channels)}; this neck joins two levels or more.')
        *finer, top = in_channels
        self.takes = [Takes('in_channels', in_channels)]
        self.out_channels = (width,) * len(in_channels)
        self.top_spatial = SpatialAttention(top, top, width)
        self.top_channel = ChannelAttention(width, top, width)
        self.context = nn.ModuleList(ChannelAttention(top, top, width) for _ in finer)
        self.aggregate = nn.ModuleList(AGGM(channels, width, attention=attention) for channels in finer)
        self.refine = nn.ModuleList(SelfRefinement(width) for _ in in_channels)
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """One map (N, in_channels[i], h_i, w_i) for each level, fine to coarse, to (N, width, h_i, w_i) for each."""
        *finer, top = features
        result = self.refine[-1](self.top_channel(self.top_spatial(top, top), top))
        results = [result]
        for level in reversed(range(len(finer))):
            context = self.context[level](top, top)
            result = self.refine[level](self.aggregate[level](finer[level], result, context))
            results.append(result)
        return results[::-1]


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
        self.takes = [Takes('in_channels', in_channels, -1)]
        self.out_channels = channels
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
        together = [constant, *maps] if self.pool_first else [*maps, constant]
        return [*finer, self.dropout(self.project(joined(together)))]


def _dilated(channels_in: int, channels: int, rate: int) -> ConvBNReLU:
    branch = ConvBNReLU(channels_in, channels, 3, bias=False)
    branch.conv.dilation = branch.conv.padding = (rate, rate)
    return branch
