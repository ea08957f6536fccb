"""Cross-entropy on the pixels that are hardest at the moment."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def bootstrap_fraction(iteration: int, start: int, end: int, fraction: float) -> float:
    """Fraction of the pixels that count: all before ``start``, then falling linearly, ``fraction`` after ``end`` (XMem).

    Args:
        iteration: Training step, from 0.
        start, end: Steps between which it falls, both included.
        fraction: In (0, 1], at the end.
    """
    if iteration < start:
        return 1.0
    if iteration > end:
        return fraction
    return fraction + (1 - fraction) * ((end - iteration) / (end - start))


def bootstrapped_cross_entropy(logits: Tensor, classes: Tensor, fraction: float) -> Tensor:
    """Mean of each sample's largest pixel losses.

    Args:
        logits: (N, K, H, W), real.
        classes: (N, H, W) int64, 0..K-1.
        fraction: Of the pixels that count, rounded down; 1 for all.

    Returns:
        (N,) float32 in nats.
    """
    loss = F.cross_entropy(at_least_float32(logits), classes, reduction='none').flatten(1)
    if fraction == 1:
        return loss.mean(1)
    return torch.topk(loss, int(loss.shape[1] * fraction), dim=1, sorted=False).values.mean(1)
