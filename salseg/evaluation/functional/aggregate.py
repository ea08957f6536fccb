"""From scores of images to the metrics of a data set.

Scalars and curves are averaged first; the largest and the mean value of F, E and IoU are then taken from the averaged
curve. The mean of every image's largest F is another, larger number and is not computed.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.curves import area_under_roc, average_precision, f_measure
from salseg.evaluation.functional.saliency import Scores

# NaN for an image without object or without background: no statement about it, so it is left out.
SKIP_NAN = ('auc', 'average_precision')


def average_scores(scores: Iterable[Scores]) -> Scores:
    """Mean of every score over images, or over groups that were averaged themselves.

    Args:
        scores: Results of `saliency_scores` or of this function, all with the same names.

    Returns:
        The same names. NaN of `auc` and `average_precision` is left out; a NaN of any other score stays visible.

    Raises:
        DataError: There is none, or the names differ.

    Examples:
        >>> average_scores([{'mae': 0.25, 'auc': 1.0}, {'mae': 0.75, 'auc': float('nan')}])
        {'mae': 0.5, 'auc': 1.0}
    """
    scores = list(scores)
    if not scores:
        raise DataError('no scores to average: not one image was evaluated.')
    names = list(scores[0])
    for number, other in enumerate(scores):
        if set(other) != set(names):
            raise DataError(
                f'score {number} has other metrics than score 0: '
                f'{sorted(set(other) ^ set(names))}. Compute the same `metrics` for all images.'
            )
    return {name: _mean([s[name] for s in scores], skip_nan=name in SKIP_NAN) for name in names}


def _mean(values: Sequence[float | np.ndarray], skip_nan: bool) -> float | np.ndarray:
    arrays = [np.asarray(value) for value in values]
    if arrays[0].ndim:
        return np.stack(arrays).mean(axis=0)
    kept = [array for array in arrays if not (skip_nan and np.isnan(array))]
    return float(np.stack(kept).mean()) if kept else float('nan')


def summarize_scores(mean: Scores) -> Scores:
    """Metrics of a data set from the averaged scores.

    Args:
        mean: Result of `average_scores`.

    Returns:
        All scalars and curves of `mean`, and, as far as their curves are there:
        `max_f`, `mean_f`, `max_e`, `mean_e`, `max_iou`, `mean_iou` of the averaged curve;
        `mustd_f`, one F from the average precision and recall at mean + standard deviation (mask-guided FCN);
        `auc_of_mean_curve`, `average_precision_of_mean_curve`. With empty ground truths in the set the mean recall ends
        below 1 and these two are too low; `auc` and `average_precision` are means over images.

    Examples:
        >>> summarize_scores({'mae': 0.5, 'f_curve': np.array([0.0, 0.75, 0.75])})['max_f']
        0.75
    """
    summary = dict(mean)
    for name in ('f', 'e', 'iou'):
        if f'{name}_curve' in mean:
            summary[f'max_{name}'] = float(np.max(mean[f'{name}_curve']))
            summary[f'mean_{name}'] = float(np.mean(mean[f'{name}_curve']))
    if 'mustd_precision' in mean:
        summary['mustd_f'] = float(f_measure(mean['mustd_precision'], mean['mustd_recall']))
    if 'false_positive_rate_curve' in mean:
        false_rate, precision, recall = (
            np.asarray(mean[f'{name}_curve']) for name in ('false_positive_rate', 'precision', 'recall')
        )
        summary['auc_of_mean_curve'] = area_under_roc(false_rate, recall)
        summary['average_precision_of_mean_curve'] = average_precision(precision, recall)
    return summary


def image_level(scores: Iterable[Scores]) -> Scores:
    """Every image counts the same: SOD data sets, and all frames or groups pooled.

    Args:
        scores: Results of `saliency_scores`.

    Returns:
        See `summarize_scores`.

    Examples:
        >>> scores = [{'mae': 0.0, 'f_curve': np.array([1.0, 0.5])}, {'mae': 0.5, 'f_curve': np.array([0.5, 1.0])}]
        >>> image_level(scores)['max_f']  # of the averaged curve; the mean of the maxima would be 1
        0.75
    """
    return summarize_scores(average_scores(scores))


def group_level(groups: Mapping[str, Sequence[Scores]]) -> Scores:
    """Every group counts the same, whatever its number of images (PySODEvalToolkit on co-saliency data).

    Args:
        groups: By group, results of `saliency_scores`.

    Returns:
        See `summarize_scores`.

    Raises:
        DataError: There is no group, or one has no image.

    Examples:
        >>> group_level({'cats': [{'mae': 0.0}, {'mae': 0.0}, {'mae': 0.0}], 'dogs': [{'mae': 0.5}]})
        {'mae': 0.25}
    """
    for name, scores in groups.items():
        if not len(scores):
            raise DataError(f'group {name!r} has no scored image.')
    return image_level(average_scores(scores) for scores in groups.values())
