"""Top-down decoder with global context at every level."""

from collections.abc import Sequence

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.layers import init_kaiming
from salseg.models.necks.aggm import AGGM
from salseg.models.necks.channel_attention import ChannelAttention
from salseg.models.necks.self_refinement import SelfRefinement
from salseg.models.necks.spatial_attention import SpatialAttention
from salseg.registry import NECKS


@NECKS.register_module()
class ProgressiveAggregationNeck(nn.Module):
    """The decoder of GCPANet (AAAI 2020), which SCWSSOD takes over with AGGM in place of its aggregation.

    The coarsest map goes through spatial and channel attention. From there downwards each level joins three maps, its
    own features, the result above and the global context, and every result is refined.

    Args:
        in_channels: Channels of the features, fine to coarse, two levels or more.
        width: Channels of the results.
        attention: 'sum' or 'softmax' adds the three maps by learnt weights (AGGM), False concatenates them (GCPANet).

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
