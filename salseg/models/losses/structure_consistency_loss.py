"""A smaller copy of an image should get the same map."""

from collections.abc import Mapping

import torch
from torch import Tensor

from salseg.models.losses.base import SalLoss
from salseg.ops import resize, structure_consistency
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class StructureConsistencyLoss(SalLoss):
    """SSIM and absolute difference between a map, made smaller, and the map of the smaller image (thesis eq. 4.5, 4.6).

    Gradients flow into both. Needs ``logits_rescaled``, which :class:`RescaledPass` provides.

    Args:
        alpha: Fraction of the structural term; 0 leaves the plain mean absolute difference.
        weight, on, ramp_iterations: See :class:`SalLoss`.
    """

    requires = ('logits_rescaled',)

    def __init__(
        self,
        alpha: float = 0.85,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.alpha = alpha

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Mean over all maps of the batch; both sides are probabilities."""
        small = torch.sigmoid(others['logits_rescaled'])
        large = resize(torch.sigmoid(output), tuple(small.shape[-2:]), align_corners=True)
        return structure_consistency(small, large, self.alpha).mean()
