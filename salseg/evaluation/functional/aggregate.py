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

_COUNT = 'count/'


class ScoreAccumulator:
    """Running sums of scores and curves: a data set of any size takes a few kilobytes per group.

    Args:
        arrays: Result of `arrays`, to continue from.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        arrays = arrays or {}
        self.sums = {name: np.array(a, np.float64) for name, a in arrays.items() if not name.startswith(_COUNT)}
        self.numbers = {name: int(arrays[_COUNT + name]) for name in self.sums}

    def add(self, scores: Scores) -> None:
        """Take the scores of one image in."""
        for name, value in scores.items():
            # Undefined there: AUC and AP of an image without object or without background.
            skipped = name in SKIP_NAN and np.isnan(value)
            self._add(name, np.zeros(()) if skipped else np.asarray(value, np.float64), int(not skipped))

    def merge(self, other: 'ScoreAccumulator') -> None:
        """Take in the sums of other images."""
        for name, value in other.sums.items():
            self._add(name, value, other.numbers[name])

    def _add(self, name: str, value: np.ndarray, number: int) -> None:
        if name in self.sums:
            self.sums[name] = self.sums[name] + value
            self.numbers[name] += number
        else:
            self.sums[name] = np.array(value)
            self.numbers[name] = number

    def mean(self) -> Scores:
        """Averages, as `average_scores` gives them.

        Raises:
            DataError: Nothing was added.
        """
        if not self.sums:
            raise DataError('no scores to average: not one image was evaluated.')
        return {name: self._quotient(name) for name in self.sums}

    def _quotient(self, name: str) -> float | np.ndarray:
        number = self.numbers[name]
        mean = self.sums[name] / number if number else np.full(self.sums[name].shape, np.nan)
        return mean if mean.ndim else float(mean)

    def arrays(self) -> dict[str, np.ndarray]:
        """Sums and counts by name."""
        return {**self.sums, **{_COUNT + name: np.array(number) for name, number in self.numbers.items()}}


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
    total, names = ScoreAccumulator(), None
    for number, one in enumerate(scores):
        names = set(one) if names is None else names
        if set(one) != names:
            raise DataError(
                f'score {number} has other metrics than score 0: '
                f'{sorted(set(one) ^ names)}. Compute the same `metrics` for all images.'
            )
        total.add(one)
    return total.mean()


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
