"""E-measure: enhanced alignment of a binary map and the ground truth (Fan et al., IJCAI 2018)."""

import numpy as np

from salseg.evaluation.functional.curves import Counts
from salseg.evaluation.functional.pair import EPS


def enhanced_alignment(true: Counts, false: Counts, positives: float, pixels: float) -> np.ndarray:
    """E-measure from counts.

    Both maps less their means are compared pixel by pixel. A binary map and a binary ground truth form four kinds of
    pixels with one value each, so the sum over pixels is a sum of four products.

    Args:
        true: True positives, one number or one per threshold.
        false: False positives, likewise.
        positives: Pixels of the object.
        pixels: Pixels of the image.

    Returns:
        Values of the shape of `true`. The sum is divided by N - 1 as in the authors' code: a perfect map scores
        N / (N - 1), slightly above 1. An empty ground truth counts predicted background, a full one predicted object.
    """
    predicted = np.asarray(true + false, np.float64)
    if positives == 0:
        return (pixels - predicted) / (pixels - 1 + EPS)
    if positives == pixels:
        return predicted / (pixels - 1 + EPS)
    missed, rejected = positives - true, pixels - positives - false
    mean_map, mean_truth = predicted / pixels, positives / pixels
    total = np.zeros(predicted.shape)
    for count, map_value, truth_value in ((true, 1, 1), (false, 1, 0), (missed, 0, 1), (rejected, 0, 0)):
        a, b = map_value - mean_map, truth_value - mean_truth
        alignment = 2 * a * b / (a * a + b * b + EPS)
        total += count * (alignment + 1) ** 2 / 4
    return total / (pixels - 1 + EPS)
