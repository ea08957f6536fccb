"""Squared difference to full or soft masks."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, with_full_truth
from salseg.ops.squared_error import sum_squared_error
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class SquaredErrorLoss(SalLoss):
    """Squared difference of probabilities and truth (mask-guided FCN, eq. 9).

    Args:
        reduction: 'mean' over pixels and frames; 'sum', as the paper prints it, which belongs to a learning rate
            smaller by the number of frames and pixels of a batch.
        weight, on, ramp_iterations: See :class:`SalLoss`.

    Raises:
        ConfigError: Unknown reduction.
    """

    def __init__(
        self,
        reduction: Literal['mean', 'sum'] = 'mean',
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if reduction not in ('mean', 'sum'):
            raise ConfigError(f"SquaredErrorLoss: reduction={reduction!r}; expected 'mean' or 'sum'.")
        self.reduction = reduction

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Of logits (B, T, K, h, w); smaller outputs are resized to the labels first."""
        logits, truth = with_full_truth(output, targets)
        maps = torch.sigmoid(logits)
        total = sum_squared_error(maps, truth)
        return total if self.reduction == 'sum' else total / maps.numel()
