"""A prediction at the coarsest level, corrected on the way up."""

from collections.abc import Sequence

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.ops import resize
from salseg.registry import HEADS


@HEADS.register_module()
class GradualUpsamplingHead(nn.Module):
    """One logit a position, resized level by level; each finer level adds its own (WACV 2022, section 3.4).

    Args:
        in_channels: Of the levels, fine to coarse.

    Raises:
        ConfigError: There is no level.
    """

    provides = ('logits',)

    def __init__(self, in_channels: Sequence[int] = (64, 256, 768)) -> None:
        super().__init__()
        if not in_channels:
            raise ConfigError('in_channels is empty; GradualUpsamplingHead needs one level or more.')
        *finer, coarse = in_channels
        self.predict = nn.Conv2d(coarse, 1, 1)
        self.correct = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in finer)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Levels (N, in_channels[i], h_i, w_i), fine to coarse, to ``logits`` (N, 1, *size)."""
        *finer, coarse = features
        logits = self.predict(coarse)
        for correct, level in zip(reversed(self.correct), reversed(finer)):
            logits = resize(logits, level.shape[-2:]) + correct(level)
        return dict(logits=resize(logits, size))
