"""Cross-entropy between objects, on the hardest pixels."""

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss
from salseg.ops.bootstrapped_cross_entropy import bootstrap_fraction, bootstrapped_cross_entropy
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class BootstrappedCrossEntropyLoss(SalLoss):
    """Cross-entropy of log odds against the objects' labels, averaged over ever fewer, harder pixels (XMem).

    Summed over the frames, mean over the samples. A sample's empty slots are left out of its softmax; unknown pixels
    count as background, as the released data has none.

    Args:
        start: Training step until which all pixels count.
        end: Step from which only the fraction does.
        fraction: Of the pixels that count in the end.
        weight, on, ramp_iterations: See :class:`SalLoss`; reads ``log_odds`` (B, T, K + 1, H, W).

    Raises:
        ConfigError: The steps or the fraction make no sense.
    """

    def __init__(
        self,
        start: int = 20000,
        end: int = 70000,
        fraction: float = 0.15,
        weight: float = 1.0,
        on: str = 'log_odds',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if not 0 <= start < end or not 0 < fraction <= 1:
            raise ConfigError(
                f'BootstrappedCrossEntropyLoss(start={start}, end={end}, fraction={fraction}): expected start < end and a '
                'fraction in (0, 1].'
            )
        self.start, self.end, self.fraction = start, end, fraction

    def compute(self, log_odds: Tensor, targets: FrameTargets) -> Tensor:
        """Scalar in nats."""
        size, objects = tuple(log_odds.shape[-2:]), log_odds.shape[2] - 1
        masks = targets.masks(size)
        number = torch.arange(1, objects + 1, device=log_odds.device)[:, None, None]
        classes = (masks * number).amax(2)
        if targets.object_valid is not None:
            valid = torch.cat([targets.object_valid.new_ones(len(log_odds), 1), targets.object_valid], 1)
            # An unused slot takes no part in the softmax.
            log_odds = log_odds.masked_fill(~valid[:, None, :, None, None], float('-inf'))
        fraction = bootstrap_fraction(targets.iteration, self.start, self.end, self.fraction)
        pixels = bootstrapped_cross_entropy(log_odds.flatten(0, 1), classes.flatten(0, 1), fraction)
        return pixels.unflatten(0, log_odds.shape[:2]).mean(0).sum()
