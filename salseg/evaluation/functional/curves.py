"""Metrics of a map cut at a threshold: precision, recall, F, IoU, ROC.

A curve has 256 values, one per threshold of the map quantised to floor(255 * p); index 0 is threshold 255, index 255
is threshold 0, so that recall ascends along it. All functions take numbers or arrays of counts.
"""

import numpy as np

from salseg.evaluation.functional.pair import SaliencyPair, weighted_mean

BETA_SQUARED = 0.3

Counts = float | np.ndarray


def ratio(numerator: Counts, denominator: Counts) -> np.ndarray:
    """Quotient, 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, np.float64), np.asarray(denominator, np.float64))
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)


def threshold_counts(pair: SaliencyPair) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at the 256 thresholds: two arrays (256,), threshold 255 first."""
    foreground, background = pair.level_counts
    return np.cumsum(foreground[::-1]), np.cumsum(background[::-1])


def adaptive_counts(pair: SaliencyPair) -> tuple[float, float]:
    """True and false positives at min(2 * mean, 1) of the map (Achanta et al., CVPR 2009), without quantisation."""
    above = pair.above_twice_mean()
    return float(pair.counts.foreground[above].sum()), float(pair.counts.background[above].sum())


def mean_deviation_counts(pair: SaliencyPair) -> tuple[float, float]:
    """True and false positives at min(mean + population standard deviation, 1) of the map."""
    values, total = pair.counts.values, pair.counts.total
    mean = weighted_mean(values, total)
    deviation = np.sqrt(np.dot(total, (values - mean) ** 2) / total.sum())
    above = values >= min(mean + deviation, 1)
    return float(pair.counts.foreground[above].sum()), float(pair.counts.background[above].sum())


def f_measure(precision: Counts, recall: Counts, beta_squared: float = BETA_SQUARED) -> np.ndarray:
    """(1 + b2) P R / (b2 P + R), 0 where both are 0."""
    return ratio((1 + beta_squared) * precision * recall, beta_squared * precision + recall)


def precision_recall(true: Counts, false: Counts, positives: float) -> tuple[np.ndarray, np.ndarray]:
    """Precision (0 where nothing is predicted) and recall (0 without an object)."""
    return ratio(true, true + false), ratio(true, positives)


def intersection_over_union(true: Counts, false: Counts, positives: float) -> np.ndarray:
    """TP / (TP + FP + FN), 0 for 0/0."""
    return ratio(true, positives + false)


def area_under_roc(false_positive_rate: np.ndarray, recall: np.ndarray) -> float:
    """Trapezoid over the ROC curve from (0, 0) on.

    Args:
        false_positive_rate: (N,), ascending.
        recall: (N,), ascending.
    """
    x, y = (np.concatenate(([0.0], v)) for v in (false_positive_rate, recall))
    return float(np.dot(np.diff(x), y[1:] + y[:-1]) / 2)


def average_precision(precision: np.ndarray, recall: np.ndarray) -> float:
    """Sum of precision times gain of recall, from the highest threshold on; no interpolation.

    Args:
        precision: (N,).
        recall: (N,), ascending.
    """
    return float(np.dot(np.diff(recall, prepend=0.0), precision))
