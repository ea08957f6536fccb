"""Sums of scores and curves: a data set of any size takes a few kilobytes per group."""

from collections.abc import Mapping

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.aggregate import SKIP_NAN
from salseg.evaluation.functional.saliency import Scores

_COUNT = 'count/'


class ScoreAccumulator:
    """Running sums of the results of `saliency_scores`, whose quotient is that of `average_scores`.

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
