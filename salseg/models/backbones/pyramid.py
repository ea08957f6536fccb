"""A pyramid of any strides and widths on top of any backbone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.backbones.base import Backbone, build_backbone
from salseg.registry import BACKBONES


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each position of a map."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w), normalised."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@BACKBONES.register_module()
class PyramidBackbone(Backbone):
    """The simple feature pyramid of ViTDet (Li et al., ECCV 2022), on one level of a backbone or on several.

    Each wanted level is made from the backbone's nearest one: enlarged by transposed convolutions of stride 2, or halved
    by max pooling, then a 1x1 and a 3x3 convolution, each with layer norm. On a plain vision transformer that is ViTDet's
    neck; a backbone that has a pyramid of its own gets other widths.

    Args:
        backbone: Config or `Backbone`.
        strides: Of the levels, fine to coarse; each a power of two times a stride of the backbone, or such a fraction.
        channels: Of all levels, or of each. A system's ``in_channels`` as they stand make the pair fit.

    Raises:
        ConfigError: A stride cannot be made from those of the backbone, or there are not as many channels as strides.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any] | nn.Module,
        strides: Sequence[int] = (4, 8, 16, 32),
        channels: int | Sequence[int] = 256,
    ) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        widths = [channels] * len(strides) if isinstance(channels, int) else list(channels)
        if not strides or list(strides) != sorted(set(strides)) or min(strides) < 1 or len(widths) != len(strides):
            raise ConfigError(
                f'PyramidBackbone: strides={tuple(strides)}, channels={channels}; expected ascending strides and channels '
                'for each of them.'
            )
        self.choose(range(len(strides)), widths, list(strides))
        self._sources = [_nearest(stride, self.backbone) for stride in strides]
        self.levels = nn.ModuleList(
            _level(self.backbone.channels[source], width, math.log2(self.backbone.strides[source] / stride))
            for source, width, stride in zip(self._sources, widths, strides)
        )
        self.weights_loaded = self.backbone.weights_loaded
        self.pixel_mean, self.pixel_std = self.backbone.pixel_mean, self.backbone.pixel_std

    @property
    def label(self) -> str:
        """What messages call it."""
        return f'PyramidBackbone of {self.backbone.label}'

    def check_size(self, size: tuple[int, int], where: str = 'this input') -> None:
        """As the backbone inside."""
        self.backbone.check_size(size, where)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W), normalised, to a map (N, channels[i], H / strides[i], W / strides[i]) for each stride."""
        maps = self.backbone(images)
        return [level(maps[source]) for level, source in zip(self.levels, self._sources)]


def _nearest(stride: int, backbone: Backbone) -> int:
    """The level whose stride is a power of two away, by as few steps as can be; of equal ones the deepest."""
    steps = [abs(math.log2(own / stride)) for own in backbone.strides]
    whole = [place for place, step in enumerate(steps) if step == round(step)]
    if not whole:
        raise ConfigError(
            f'PyramidBackbone: strides has {stride}; {backbone.label} gives the strides {tuple(backbone.strides)}, and none '
            'is a power of two times or a fraction of it.'
        )
    return min(reversed(whole), key=lambda place: steps[place])


def _level(channels: int, width: int, doublings: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in range(round(doublings)):
        # Half the channels at each step, as published, but not fewer than the result has.
        halved = max(channels // 2, min(channels, width))
        layers.append(nn.ConvTranspose2d(channels, halved, 2, 2))
        if step + 1 < round(doublings):
            layers += [ChannelNorm(halved), nn.GELU()]
        channels = halved
    for _ in range(round(-doublings)):
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
    layers += [nn.Conv2d(channels, width, 1, bias=False), ChannelNorm(width)]
    layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), ChannelNorm(width)]
    return nn.Sequential(*layers)
