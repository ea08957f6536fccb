"""Cross-entropy with full or soft masks."""

import torch.nn.functional as F
from torch import Tensor

from salseg.models.losses.base import SalLoss, with_full_truth
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class MaskCrossEntropyLoss(SalLoss):
    """Binary cross-entropy averaged over all pixels, against soft truth or, without it, against masks.

    Unknown pixels of hard labels count as background: for those use :class:`PartialCrossEntropyLoss`.
    """

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Mean over (B, T, K, H, W), in nats; smaller outputs are resized to the labels first."""
        return F.binary_cross_entropy_with_logits(*with_full_truth(output, targets))
