"""Heads that give a map for every level of a pyramid."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import added, init_kaiming
from salseg.ops import resize
from salseg.ops.geometry import map_size
from salseg.registry import HEADS


@HEADS.register_module()
class LateralPyramidHead(nn.Module):
    """Feature pyramid with two convolutions in every lateral, smoothing and prediction path: the decoder of DCFM.

    The coarsest map is projected and has no lateral and no prediction of its own. Every finer level adds its lateral to
    the enlarged result above, smooths the sum, and predicts.

    Args:
        in_channels: Of the maps, fine to coarse, two levels or more.
        width: Channels inside.
        norm: 'none' as published, or 'group': group norm after every convolution but the last, which does not depend on
            the number of images in a batch.
        auxiliary: Whether the coarser predictions are made 'always' or in 'training' only.

    Attributes:
        provides: 'logits' of the finest level, then 'logits_2', 'logits_3', ... of the coarser ones.

    Raises:
        ConfigError: There are fewer than two levels, or an option is unknown.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 256, 512, 512),
        width: int = 64,
        norm: Literal['none', 'group'] = 'none',
        auxiliary: Literal['training', 'always'] = 'training',
    ) -> None:
        super().__init__()
        if len(in_channels) < 2 or norm not in ('none', 'group') or auxiliary not in ('training', 'always'):
            raise ConfigError(
                f'LateralPyramidHead: in_channels={tuple(in_channels)} names two levels or more, norm={norm!r} is '
                f"'none' or 'group', auxiliary={auxiliary!r} 'training' or 'always'."
            )
        *finer, top = in_channels
        self.takes = [Takes('in_channels', in_channels)]
        self.auxiliary = auxiliary
        self.provides = ('logits', *(f'logits_{level}' for level in range(2, len(in_channels))))
        self.top = _pair(top, width, 1, norm)
        self.lateral = nn.ModuleList(_pair(channels, width, 3, norm) for channels in finer)
        self.smooth = nn.ModuleList(_pair(width, width, 3, norm) for _ in finer)
        self.predict = nn.ModuleList(
            nn.Sequential(_pair(width, width, 3, norm), nn.ReLU(inplace=True), nn.Conv2d(width, 1, 1)) for _ in finer
        )
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Maps (N, C, h, w), fine to coarse, to logits (N, 1, *size) by name."""
        every = self.training or self.auxiliary == 'always'
        outputs = {}
        x = self.top(features[-1])
        for level in reversed(range(len(self.lateral))):
            x = self.ascend(x, features[level], level)
            if every or level == 0:
                outputs[self.provides[level]] = resize(self.predict[level](x), size)
        return outputs

    def ascend(self, above: Tensor, features: Tensor, level: int) -> Tensor:
        """One step down the pyramid: the map above and the features of a level to (N, width, h, w)."""
        return self.smooth[level](added(self.lateral[level](features), resize(above, map_size(features))))


def _pair(channels: int, width: int, kernel: int, norm: str) -> nn.Sequential:
    """Convolution, ReLU, convolution."""

    def conv(before: int) -> list[nn.Module]:
        layer: list[nn.Module] = [nn.Conv2d(before, width, kernel, padding=kernel // 2)]
        return layer + ([nn.GroupNorm(min(8, width), width)] if norm == 'group' else [])

    return nn.Sequential(*conv(channels), nn.ReLU(inplace=True), *conv(width))


@HEADS.register_module()
class MultiLevelSaliencyHead(nn.Module):
    """One 3x3 convolution for each level; the finest gives the prediction, the others are supervised beside it.

    Args:
        in_channels: Channels of the features of each level, fine to coarse, or one number for all.
        names: Outputs, fine to coarse.

    Attributes:
        provides: The names.

    Raises:
        ConfigError: There are not as many channels as names.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int] = 256,
        names: Sequence[str] = ('logits', 'logits_3', 'logits_4', 'logits_5'),
    ) -> None:
        super().__init__()
        channels = [in_channels] * len(names) if isinstance(in_channels, int) else list(in_channels)
        if len(channels) != len(names):
            raise ConfigError(f'in_channels names {len(channels)} levels and names {len(names)}: {channels}, {names}.')
        self.takes = [Takes('in_channels', channels)]
        self.provides = tuple(names)
        self.predict = nn.ModuleList(nn.Conv2d(c, 1, 3, padding=1) for c in channels)
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """One map (N, C, h, w) for each level, fine to coarse, to logits (N, 1, *size) by name."""
        logits = (resize(predict(feature), size) for predict, feature in zip(self.predict, features))
        return dict(zip(self.provides, logits))
