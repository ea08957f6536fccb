"""Overlap of soft maps with masks."""

from torch import Tensor

from salseg.ops.precision import at_least_float32


def mask_iou(probability: Tensor, truth: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Intersection over union of each map with its mask, products and sums taking the place of sets (thesis eq. 5.22).

    Args:
        probability: (..., h, w) in [0, 1].
        truth: Same shape, in [0, 1].
        epsilon: Added to the union; where both are empty the result is 0.

    Returns:
        (...), in [0, 1).
    """
    probability, truth = at_least_float32(probability), at_least_float32(truth)
    both = (probability * truth).sum((-2, -1))
    union = probability.sum((-2, -1)) + truth.sum((-2, -1)) - both
    return both / (union + epsilon)
