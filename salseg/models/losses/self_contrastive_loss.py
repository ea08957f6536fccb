"""Prototypes of objects and of background should differ."""

from collections.abc import Mapping

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, Terms
from salseg.ops import self_contrastive
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class SelfContrastiveLoss(SalLoss):
    """Self-contrastive learning of DCFM (thesis section 5.2.3): a group's prototype against those of its masked
    features.

    Needs ``prototype_foreground`` and ``prototype_background``, which :class:`MaskedMatcherPass` provides. Terms:
    ``positive``, ``negative``, each the mean over the groups of the batch.

    Args:
        positive: Pull the prototype to that of the objects.
        negative: Push it away from that of the background.
        epsilon: Keeps logarithm and cosine finite.
        weight, on, ramp_iterations: See :class:`SalLoss`.

    Raises:
        ConfigError: Both terms are switched off.
    """

    requires = ('prototype_foreground', 'prototype_background')

    def __init__(
        self,
        positive: bool = True,
        negative: bool = True,
        epsilon: float = 1e-5,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'prototype',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if not (positive or negative):
            raise ConfigError('SelfContrastiveLoss: both terms are off; use losses=dict(name=None) for that.')
        self.positive = positive
        self.negative = negative
        self.epsilon = epsilon

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Terms:
        """Terms of prototypes (B, C)."""
        masked = others['prototype_foreground'], others['prototype_background']
        positive, negative = self_contrastive(output, *masked, epsilon=self.epsilon)
        terms = dict(positive=positive.mean()) if self.positive else {}
        return {**terms, **(dict(negative=negative.mean()) if self.negative else {})}
