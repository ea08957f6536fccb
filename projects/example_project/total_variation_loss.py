"""A loss: an output and the targets in, a scalar out."""

import torch
from torch import Tensor

from salseg.models.losses import SalLoss
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class TotalVariationLoss(SalLoss):
    """Mean absolute difference of neighbouring probabilities (Rudin, Osher and Fatemi 1992)."""

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Of logits (B, T, K, H, W); the labels are not read."""
        saliency = torch.sigmoid(output)
        down = saliency.diff(dim=-2).abs().mean()
        across = saliency.diff(dim=-1).abs().mean()
        return down + across
