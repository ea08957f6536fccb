"""Saliency at several levels, all at the size of the image."""

from collections.abc import Sequence

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.layers import init_kaiming
from salseg.ops import resize
from salseg.registry import HEADS


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
        self.provides = tuple(names)
        self.predict = nn.ModuleList(nn.Conv2d(c, 1, 3, padding=1) for c in channels)
        init_kaiming(self)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """One map (N, C, h, w) for each level, fine to coarse, to logits (N, 1, *size) by name."""
        logits = (resize(predict(feature), size) for predict, feature in zip(self.predict, features))
        return dict(zip(self.provides, logits))
