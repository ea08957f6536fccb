"""Necks that sharpen features: likeness to the border, self-refinement."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.layers import ConvBNReLU, init_kaiming, times
from salseg.ops import border_likeness, resize
from salseg.registry import NECKS


@NECKS.register_module()
class BorderContrastNeck(nn.Module):
    """Three convolutions on the likeness to the border at every level; the features themselves are not seen.

    A head on features learns what the objects of its training look like; one on `salseg.ops.color` learns
    what sets objects apart, and carries over from drawn images to photographs.

    Args:
        levels: Number of levels, fine to coarse.
        width: Channels.

    Raises:
        ConfigError: An argument is not positive.
    """

    def __init__(self, levels: int = 3, width: int = 32) -> None:
        super().__init__()
        if levels < 1 or width < 1:
            raise ConfigError(f'BorderContrastNeck(levels={levels}, width={width}): both must be at least 1.')
        self.levels = levels
        layers: list[nn.Module] = []
        for channels, dilation in ((2 * levels, 1), (width, 2), (width, 4)):
            layers += [nn.Conv2d(channels, width, 3, padding=dilation, dilation=dilation), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Levels (N, C_i, h_i, w_i), fine to coarse, to one map (N, width, 2 h_0, 2 w_0).

        Raises:
            ConfigError: There are other than ``levels`` levels.
        """
        if len(features) != self.levels:
            raise ConfigError(f'BorderContrastNeck has levels={self.levels}; the backbone gives {len(features)}.')
        height, width = features[0].shape[-2:]
        likeness = [resize(border_likeness(level), (height, width)) for level in features]
        found = self.layers(torch.cat(likeness, 1).to(features[0].dtype))
        return [resize(found, (2 * height, 2 * width))]


class SelfRefinement(nn.Module):
    """Smooth a map, then rescale and shift it at every position as the smoothed map itself says (GCPANet, AAAI 2020).

    Args:
        width: Channels of the map and of the result.
    """

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.smooth = ConvBNReLU(width, width)
        self.affine = nn.Conv2d(width, 2 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) to the same shape. The modulation acts on the smoothed map, not on the input."""
        x = self.smooth(x)
        weight, offset = self.affine(x).chunk(2, dim=1)
        return F.relu(times(x, weight, self.smooth, self.affine).add_(offset), inplace=True)
