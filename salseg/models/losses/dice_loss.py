"""Dice distance to full masks."""

from torch import Tensor

from salseg.models.losses.base import SalLoss
from salseg.ops.dice import dice_distance
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class DiceLoss(SalLoss):
    """Dice distance of probabilities, summed over frames, mean over samples and slots, empty slots included (XMem).

    Args:
        smooth: See :func:`salseg.ops.dice_distance`.
        weight, on, ramp_iterations: See :class:`SalLoss`; reads ``probability`` (B, T, K, H, W).
    """

    def __init__(
        self, smooth: float = 1.0, weight: float = 1.0, on: str = 'probability', ramp_iterations: int = 0
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.smooth = smooth

    def compute(self, probability: Tensor, targets: FrameTargets) -> Tensor:
        """Scalar."""
        distance = dice_distance(probability, targets.masks(tuple(probability.shape[-2:])), self.smooth)
        return distance.mean((0, 2)).sum()
