"""Overlap with full masks."""

from collections.abc import Mapping

import torch
from torch import Tensor

from salseg.models.losses.base import SalLoss, Terms, with_full_truth
from salseg.ops import mask_iou
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class MaskIoULoss(SalLoss):
    """One minus the soft overlap of each map with its mask, mean over all frames (DCFM, thesis eq. 5.22).

    A frame without object adds 1 to the foreground term and no gradient. Terms: ``foreground``, ``background``.

    Args:
        background: Also ask it of the inverted map and mask, as the released code of DCFM does.
        epsilon: Added to the union.
        weight, on, ramp_iterations: See :class:`SalLoss`.
    """

    def __init__(
        self,
        background: bool = False,
        epsilon: float = 1e-5,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.background = background
        self.epsilon = epsilon

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Terms:
        """Terms of logits (B, T, K, h, w); smaller outputs are resized to the labels first."""
        logits, truth = with_full_truth(output, targets)
        terms = dict(foreground=1 - mask_iou(torch.sigmoid(logits), truth, self.epsilon).mean())
        if self.background:
            # sigmoid(-x) is 1 - sigmoid(x) without the cancellation.
            terms['background'] = 1 - mask_iou(torch.sigmoid(-logits), 1 - truth, self.epsilon).mean()
        return terms
