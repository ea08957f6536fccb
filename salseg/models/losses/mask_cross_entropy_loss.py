"""Cross-entropy with full or soft masks."""

import torch.nn.functional as F
from torch import Tensor

from salseg.models.losses.base import SalLoss
from salseg.ops import resize
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class MaskCrossEntropyLoss(SalLoss):
    """Binary cross-entropy averaged over all pixels, against soft truth or, without it, against masks.

    Unknown pixels of hard labels count as background: for those use :class:`PartialCrossEntropyLoss`.
    """

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Mean over (B, T, K, H, W), in nats; smaller outputs are resized to the labels first."""
        logits = output
        truth = targets.soft() if targets.num_objects == 1 else targets.masks().to(logits.dtype)
        if truth.shape[-2:] != logits.shape[-2:]:
            logits = resize(logits, tuple(truth.shape[-2:]))
        return F.binary_cross_entropy_with_logits(logits, truth.to(logits.dtype).expand_as(logits))
