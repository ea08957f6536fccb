"""Necks that weigh channels and positions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg import ops
from salseg.models.fitting import Takes
from salseg.models.layers import ConvBNReLU, init_kaiming
from salseg.ops import resize
from salseg.ops.precision import full_precision
from salseg.registry import NECKS


class ChannelAttention(nn.Module):
    """Weight the channels of one map by the global mean of another map (GCPANet, AAAI 2020).

    Args:
        in_channels: Channels of the map that is weighed.
        guide_channels: Channels of the map that guides.
        width: Channels of the result.
    """

    def __init__(self, in_channels: int, guide_channels: int, width: int = 256) -> None:
        super().__init__()
        self.project = ConvBNReLU(in_channels, width, kernel=1)
        self.squeeze = nn.Conv2d(guide_channels, width, 1)
        self.excite = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """(N, in_channels, h, w) and (N, guide_channels, any, any) to (N, width, h, w)."""
        context = F.relu(self.squeeze(guide.mean((2, 3), keepdim=True)))
        return self.project(x) * torch.sigmoid(self.excite(context))


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
        return F.relu((weight * x).add_(offset), inplace=True)


@NECKS.register_module()
class DemocraticEnhancement(nn.Module):
    """Democratic feature enhancement of DCFM (thesis section 5.2.4) on the coarsest map, each image on its own.

    As in the released code queries, keys and values come from two convolutions each, attention is scaled by 1 /
    sqrt(C). The attention is computed in float32 whatever the autocast.

    Args:
        channels: Of the coarsest map.
        alpha: Exponent of the readjustment (thesis eq. 5.19); None for plain attention (thesis table 5.6, row 2).
        max_bytes: Of a block of attention and what belongs to it.
        zero_counts: Whether attention of exactly 0 counts as positive, as released; the thesis says > 0.
    """

    def __init__(
        self,
        channels: int = 512,
        alpha: float | None = 3,
        max_bytes: int = 128 * 2**20,
        zero_counts: bool = True,
    ) -> None:
        super().__init__()
        self.takes = [Takes('channels', channels, -1)]
        self.alpha = alpha
        self.max_bytes = max_bytes
        self.zero_counts = zero_counts
        self.conv = nn.Conv2d(channels, channels, 1)
        self.query = _two_layers(channels)
        self.key = _two_layers(channels)
        self.value = _two_layers(channels)
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, C, h, w), fine to coarse, to the same with the coarsest enhanced."""
        # One by one: 1x1 convolutions round differently for many images, and where two values of the attention are
        # that near, their weights swap. So an image's result would depend on how many are run with it.
        return [*features[:-1], torch.cat([self.enhance(image) for image in features[-1].split(1)])]

    def enhance(self, features: Tensor) -> Tensor:
        """The map (N, C, h, w) of some images, enhanced."""
        x = F.relu(self.conv(features))
        with full_precision(x):
            x = ops.at_least_float32(x)
            queries, keys, values = (part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value))
            delta = ops.democratic_attention(queries, keys, values, self.alpha, self.max_bytes, self.zero_counts)
        return x + delta.transpose(1, 2).unflatten(2, x.shape[2:])


def _two_layers(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1))
