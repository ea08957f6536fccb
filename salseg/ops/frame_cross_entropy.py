"""Cross-entropy of every frame on its own."""

import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def frame_cross_entropy(logits: Tensor, truth: Tensor, known: Tensor | None = None) -> Tensor:
    """Binary cross-entropy averaged over the known pixels of each frame.

    Args:
        logits: (..., h, w), real.
        truth: Same shape, in [0, 1]; soft truth is not rounded.
        known: Same shape, bool; None where all pixels count.

    Returns:
        (...), in nats; 0 for a frame without known pixels.
    """
    logits = at_least_float32(logits)
    loss = F.binary_cross_entropy_with_logits(logits, truth.to(logits.dtype), reduction='none')
    if known is None:
        return loss.mean((-2, -1))
    return (loss * known).sum((-2, -1)) / known.sum((-2, -1)).clamp(min=1)
