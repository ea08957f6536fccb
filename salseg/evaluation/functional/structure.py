"""S-measure: structural similarity of a map and the ground truth (Fan et al., ICCV 2017)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from salseg.evaluation.functional.pair import EPS, SaliencyPair, ValueCounts, weighted_mean

EmptyBlock = Literal['zero', 'nan']


def structure_measure(
    pair: SaliencyPair,
    *,
    alpha: float = 0.5,
    empty_block: EmptyBlock = 'zero',
    population: bool = False,
    centre_in_first_block: bool = True,
    eps: float = EPS,
) -> float:
    """S-measure of one image, in [0, 1].

    Args:
        pair: Prediction and ground truth.
        alpha: Weight of the object part; the region part has the rest.
        empty_block: Where the object's centre is in the last row or column, blocks of the region part are empty.
            'zero': they contribute nothing. 'nan': the value is NaN, as in pysodmetrics.
        population: Divide the object part's variance by N, as RCRNet's release does, instead of N - 1.
        centre_in_first_block: Row and column of the centre belong to the block above and to the left of it. False: to
            those below and to the right, as in eval-co-sod.
        eps: Added to denominators. RCRNet's release has the spacing of float32 here.

    Examples:
        >>> from salseg.evaluation.functional import saliency_pair
        >>> truth = np.zeros((8, 8), bool)
        >>> truth[2:5, 2:5] = True
        >>> round(structure_measure(saliency_pair(truth.astype(float), truth)), 4)
        1.0
    """
    counts = pair.counts
    centre = pair.centroid
    blocks = pair.quadrants if centre_in_first_block or centre is None else pair.quadrants_at(*centre)
    if blocks is None or counts.positives in (0, counts.pixels):
        mean = weighted_mean(counts.values, counts.total)
        return mean if counts.positives else 1 - mean
    region = region_similarity(blocks, empty_block=empty_block, eps=eps)
    value = alpha * object_similarity(counts, population=population, eps=eps) + (1 - alpha) * region
    # Not max(): it would swallow NaN or not, depending on the order of its arguments.
    return 0.0 if value < 0 else value


def object_similarity(counts: ValueCounts, *, population: bool = False, eps: float = EPS) -> float:
    """Object part: how high and how even the map is on the object, how low and even beside it."""
    share = counts.positives / counts.pixels
    inside = _evenness(counts.values, counts.foreground, population, eps)
    outside = _evenness(1 - counts.values, counts.background, population, eps)
    return share * inside + (1 - share) * outside


def _evenness(values: np.ndarray, counts: np.ndarray, population: bool, eps: float) -> float:
    mean = weighted_mean(values, counts)
    freedom = counts.sum() - (not population)
    variance = np.dot(counts, (values - mean) ** 2) / freedom if freedom else 0.0
    return float(2 * mean / (mean * mean + 1 + np.sqrt(variance) + eps))


def region_similarity(blocks: Sequence[ValueCounts], *, empty_block: EmptyBlock = 'zero', eps: float = EPS) -> float:
    """Region part: structural similarity of four blocks, weighted by their areas."""
    if empty_block == 'nan' and any(b.pixels == 0 for b in blocks):
        return float('nan')
    pixels = sum(b.pixels for b in blocks)
    return sum(b.pixels / pixels * _block_similarity(b, eps) for b in blocks if b.pixels)


def _block_similarity(block: ValueCounts, eps: float) -> float:
    x = weighted_mean(block.values, block.total)
    y = block.positives / block.pixels
    freedom = block.pixels - 1 + eps
    away = block.values - x
    variance_x = np.dot(block.total, away**2) / freedom
    variance_y = (block.positives * (1 - y) ** 2 + (block.pixels - block.positives) * y**2) / freedom
    covariance = (np.dot(block.foreground, away) * (1 - y) - np.dot(block.background, away) * y) / freedom
    upper = 4 * x * y * covariance
    lower = (x * x + y * y) * (variance_x + variance_y)
    if upper != 0:
        return float(upper / (lower + eps))
    return 1.0 if lower == 0 else 0.0
