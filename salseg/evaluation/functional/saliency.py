"""All saliency metrics of one image in one call."""

from collections.abc import Collection

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.curves import (
    adaptive_counts,
    area_under_roc,
    average_precision,
    f_measure,
    intersection_over_union,
    mean_deviation_counts,
    precision_recall,
    ratio,
    threshold_counts,
)
from salseg.evaluation.functional.enhanced import enhanced_alignment
from salseg.evaluation.functional.pair import SaliencyPair, saliency_pair
from salseg.evaluation.functional.structure import EmptyBlock, structure_measure
from salseg.evaluation.functional.weighted_f import weighted_f_measure

Scores = dict[str, float | np.ndarray]

SALIENCY_METRICS = ('mae', 's', 'weighted_f', 'f', 'e', 'iou', 'roc')


def saliency_scores(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    *,
    normalize: bool = True,
    metrics: Collection[str] = SALIENCY_METRICS,
    empty_block: EmptyBlock = 'zero',
) -> Scores:
    """Score one saliency map.

    Args:
        prediction: (H, W), uint8 or float in [0, 1].
        ground_truth: (H, W), bool, or uint8 whose object is every value above 128.
        normalize: Rescale the map to [0, 1] by its own minimum and maximum first.
        metrics: Which of `SALIENCY_METRICS` to compute; 'weighted_f' takes longer than all others together.
        empty_block: See `structure_measure`.

    Returns:
        By metric, floats and curves of shape (256,) float64, threshold 255 first:
        mae: `mae`; s: `s_measure`; weighted_f: `weighted_f`;
        f: `precision_curve`, `recall_curve`, `f_curve`, `adaptive_f`, and `mustd_precision`, `mustd_recall` at the
        threshold mean + standard deviation; e: `e_curve`, `adaptive_e`; iou: `iou_curve`, `adaptive_iou`;
        roc: `precision_curve`, `recall_curve`, `false_positive_rate_curve`, `auc` and
        `average_precision`; the last two are NaN for an empty or full ground truth.

    Raises:
        DataError: Shapes, dtypes or values do not fit, or a metric is unknown.

    Examples:
        >>> truth = np.zeros((4, 4), bool)
        >>> truth[1:3, 1:3] = True
        >>> scores = saliency_scores(np.where(truth, 200, 20).astype(np.uint8), truth, normalize=False)
        >>> round(scores['mae'], 4), scores['f_curve'].shape, float(scores['f_curve'].max())
        (0.1127, (256,), 1.0)
    """
    check_metrics(metrics)
    pair = saliency_pair(prediction, ground_truth, normalize=normalize)
    scores: Scores = {}
    if 'mae' in metrics:
        scores['mae'] = mean_absolute_error(pair)
    if 's' in metrics:
        scores['s_measure'] = structure_measure(pair, empty_block=empty_block)
    if 'weighted_f' in metrics:
        scores['weighted_f'] = weighted_f_measure(pair)
    for name, scores_of in (('f', _f_scores), ('e', _e_scores), ('iou', _iou_scores), ('roc', _roc_scores)):
        if name in metrics:
            scores.update(scores_of(pair))
    return scores


def check_metrics(metrics: Collection[str]) -> None:
    """Refuse what is none of `SALIENCY_METRICS`.

    Raises:
        DataError: Names what is unknown and what there is.
    """
    unknown = sorted(set(metrics) - set(SALIENCY_METRICS))
    if unknown:
        raise DataError(f'unknown metrics {unknown}; known are {list(SALIENCY_METRICS)}.')


def mean_absolute_error(pair: SaliencyPair) -> float:
    """Mean of |p - g|, in [0, 1].

    Examples:
        >>> pair = saliency_pair(np.array([[0, 51], [204, 255]], np.uint8), np.array([[0, 0], [1, 1]], bool))
        >>> round(mean_absolute_error(pair), 4)  # (0 + 0.2 + 0.2 + 0) / 4
        0.1
    """
    counts = pair.counts
    wrong = np.dot(counts.foreground, 1 - counts.values) + np.dot(counts.background, counts.values)
    return float(wrong / counts.pixels)


def _f_scores(pair: SaliencyPair) -> Scores:
    positives = pair.counts.positives
    precision, recall = precision_recall(*threshold_counts(pair), positives)
    mustd_precision, mustd_recall = precision_recall(*mean_deviation_counts(pair), positives)
    return dict(
        precision_curve=precision,
        recall_curve=recall,
        f_curve=f_measure(precision, recall),
        adaptive_f=float(f_measure(*precision_recall(*adaptive_counts(pair), positives))),
        mustd_precision=float(mustd_precision),
        mustd_recall=float(mustd_recall),
    )


def _e_scores(pair: SaliencyPair) -> Scores:
    size = pair.counts.positives, pair.counts.pixels
    return dict(
        e_curve=enhanced_alignment(*threshold_counts(pair), *size),
        adaptive_e=float(enhanced_alignment(*adaptive_counts(pair), *size)),
    )


def _iou_scores(pair: SaliencyPair) -> Scores:
    positives = pair.counts.positives
    return dict(
        iou_curve=intersection_over_union(*threshold_counts(pair), positives),
        adaptive_iou=float(intersection_over_union(*adaptive_counts(pair), positives)),
    )


def _roc_scores(pair: SaliencyPair) -> Scores:
    true, false = threshold_counts(pair)
    positives, negatives = pair.counts.positives, pair.counts.pixels - pair.counts.positives
    precision, recall = precision_recall(true, false, positives)
    false_rate = ratio(false, negatives)
    mixed = positives and negatives
    return dict(
        precision_curve=precision,
        recall_curve=recall,
        false_positive_rate_curve=false_rate,
        auc=area_under_roc(false_rate, recall) if mixed else float('nan'),
        average_precision=average_precision(precision, recall) if mixed else float('nan'),
    )
