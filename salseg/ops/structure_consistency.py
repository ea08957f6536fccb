"""Structural similarity of two maps, and the loss that asks for the same structure at two scales."""

import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def structural_similarity(x: Tensor, y: Tensor, *, c1: float = 0.01**2, c2: float = 0.03**2) -> Tensor:
    """SSIM at every pixel, from means over 3x3 windows (thesis eq. 4.6).

    Windows are padded with zeros and divided by nine at the border too, as in the released code of SCWSSOD.

    Args:
        x: (..., h, w), in [0, 1].
        y: Same shape, in [0, 1].
        c1: Keeps the ratio of means finite.
        c2: Keeps the ratio of variances finite.

    Returns:
        (..., h, w), in [-1, 1] up to rounding.
    """
    shape = x.shape
    x, y = (at_least_float32(t).reshape(-1, 1, *t.shape[-2:]) for t in (x, y))

    def mean(t: Tensor) -> Tensor:
        return F.avg_pool2d(t, kernel_size=3, stride=1, padding=1)

    mean_x, mean_y = mean(x), mean(y)
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    covariance = mean(x * y) - product
    variances = mean(x.square() + y.square()) - squares
    similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return similarity.reshape(shape)


def structure_consistency(x: Tensor, y: Tensor, alpha: float = 0.85) -> Tensor:
    """Disagreement of two maps of one image: alpha of it in structure, the rest in value (thesis eq. 4.6).

    Args:
        x: (..., h, w), in [0, 1]. Gradient flows into both maps.
        y: Same shape, in [0, 1].
        alpha: Fraction of the structural term; 0 leaves the plain mean absolute difference.

    Returns:
        (...), for every map the mean over its pixels; the published loss is the mean of these.
    """
    x, y = at_least_float32(x), at_least_float32(y)
    difference = (x - y).abs().mean((-2, -1))
    if alpha == 0:
        return difference
    dissimilarity = ((1 - structural_similarity(x, y)) / 2).clamp(0, 1).mean((-2, -1))
    return alpha * dissimilarity + (1 - alpha) * difference
