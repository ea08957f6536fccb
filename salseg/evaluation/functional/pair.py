"""A prediction beside its ground truth, reduced to counts that every saliency metric is computed from.

An 8-bit map has at most 256 different values, so nothing below ever makes a float image of it: min-max rescaling is a
table of 256 entries, and all sums over pixels become sums over histogram bins.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from salseg.errors import DataError

EPS = float(np.spacing(1.0))
LEVELS = 256
# OpenCV returns histograms in float32, which counts exactly up to here.
LARGEST_EXACT_COUNT = 2**24

Span = tuple[slice, slice]
EVERYWHERE: Span = (slice(None), slice(None))


@dataclass(frozen=True)
class ValueCounts:
    """How often each value occurs on the object and beside it.

    Attributes:
        values: (K,) float64, the values of the prediction; a value may occur twice.
        foreground: (K,) float64, pixels of that value inside the ground truth.
        background: (K,) float64, pixels of that value outside it.
    """

    values: np.ndarray
    foreground: np.ndarray
    background: np.ndarray

    def __add__(self, other: 'ValueCounts') -> 'ValueCounts':
        return ValueCounts(self.values, self.foreground + other.foreground, self.background + other.background)

    @cached_property
    def total(self) -> np.ndarray:
        return self.foreground + self.background

    @cached_property
    def positives(self) -> float:
        return float(self.foreground.sum())

    @cached_property
    def pixels(self) -> float:
        return float(self.total.sum())


def weighted_mean(values: np.ndarray, counts: np.ndarray) -> float:
    """Mean of values that occur `counts` times; exact where all of them are equal, 0 where there is none."""
    number = counts.sum()
    if number == 0:
        return 0.0
    shift = values[counts.argmax()]
    return float(shift + np.dot(counts, values - shift) / number)


class SaliencyPair(ABC):
    """Prediction and ground truth of one image.

    Attributes:
        mask: (H, W) bool, the object.
    """

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask

    @cached_property
    def mask_bytes(self) -> np.ndarray:
        """(H, W) uint8, 1 on the object: the same memory, as OpenCV takes it."""
        return self.mask.view(np.uint8)

    @abstractmethod
    def float_map(self, span: Span = EVERYWHERE, dtype: type = np.float64) -> np.ndarray:
        """Prediction in [0, 1] inside a window."""

    @abstractmethod
    def counts_in(self, span: Span) -> ValueCounts:
        """Value counts inside a window."""

    @abstractmethod
    def above_twice_mean(self) -> np.ndarray:
        """(K,) bool, which values of `counts` reach the adaptive threshold min(2 * mean, 1)."""

    @cached_property
    def centroid(self) -> tuple[int, int] | None:
        """Row and column of the object's centre, rounded half to even; None without an object."""
        # Sums along an axis: cv2.moments gives the same and takes twenty times as long.
        rows, columns = (
            cv2.reduce(self.mask_bytes, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().astype(np.float64)
            for axis in (1, 0)
        )
        positives = rows.sum()
        if positives == 0:
            return None
        row, column = (round(np.dot(np.arange(len(sums)), sums) / positives) for sums in (rows, columns))
        return row, column

    def quadrants_at(self, row: int, column: int) -> list[ValueCounts]:
        """Counts of the four blocks before and from a row and a column, in reading order."""
        rows, columns = (slice(0, row), slice(row, None)), (slice(0, column), slice(column, None))
        return [self.counts_in((r, c)) for r in rows for c in columns]

    @cached_property
    def quadrants(self) -> list[ValueCounts] | None:
        """Counts of the four blocks around the centroid, whose row and column belong to the first block."""
        if self.centroid is None:
            return None
        return self.quadrants_at(self.centroid[0] + 1, self.centroid[1] + 1)

    @cached_property
    def counts(self) -> ValueCounts:
        """Counts of the whole image."""
        return self.counts_in(EVERYWHERE)

    @cached_property
    def level_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Object and other pixels per level floor(255 * value): two arrays (256,), level 0 first."""
        levels = np.floor(255 * self.counts.values).astype(np.intp)
        foreground, background = (
            np.bincount(levels, weights=w, minlength=LEVELS) for w in (self.counts.foreground, self.counts.background)
        )
        return foreground, background


class GreyPair(SaliencyPair):
    """Pair of an 8-bit prediction."""

    def __init__(self, grey: np.ndarray, mask: np.ndarray, normalize: bool) -> None:
        super().__init__(mask)
        self.grey = grey
        self.lowest, self.highest = (int(v) for v in cv2.minMaxLoc(grey)[:2])
        self.rescaled = normalize and self.highest > self.lowest
        # In this order of operations: the floor to 256 levels feels the last bit.
        table = np.arange(LEVELS) / 255
        if self.rescaled:
            low, high = table[self.lowest], table[self.highest]
            table = (table - low) / (high - low)
        self.table = np.clip(table, 0, 1)

    def float_map(self, span: Span = EVERYWHERE, dtype: type = np.float64) -> np.ndarray:
        return cv2.LUT(self.grey[span], self.table.astype(dtype))

    def counts_in(self, span: Span) -> ValueCounts:
        grey, mask = self.grey[span], self.mask_bytes[span]
        if grey.size == 0:
            return ValueCounts(self.table, np.zeros(LEVELS), np.zeros(LEVELS))
        if grey.size < LARGEST_EXACT_COUNT:
            total, foreground = (
                cv2.calcHist([grey], [0], m, [LEVELS], [0, LEVELS]).ravel().astype(np.float64) for m in (None, mask)
            )
        else:
            total = np.bincount(grey.ravel(), minlength=LEVELS).astype(np.float64)
            foreground = np.bincount(grey[mask.view(bool)], minlength=LEVELS).astype(np.float64)
        return ValueCounts(self.table, foreground, total - foreground)

    @cached_property
    def counts(self) -> ValueCounts:
        if self.quadrants is None:
            return self.counts_in(EVERYWHERE)
        first, *others = self.quadrants
        return sum(others, first)

    def above_twice_mean(self) -> np.ndarray:
        # In whole numbers, so that a grey value that is exactly twice the mean counts as reaching it.
        low, high = (self.lowest, self.highest) if self.rescaled else (0, 255)
        steps = np.arange(LEVELS) - low
        pixels = int(self.counts.pixels)
        return steps * pixels >= min(2 * int(np.dot(self.counts.total, steps)), pixels * (high - low))


class FloatPair(SaliencyPair):
    """Pair of a float prediction."""

    def __init__(self, prediction: np.ndarray, mask: np.ndarray, normalize: bool) -> None:
        super().__init__(mask)
        prediction = prediction.astype(np.float64)
        low, high = prediction.min(), prediction.max()
        if normalize and high > low:
            prediction = (prediction - low) / (high - low)
        self.prediction = prediction

    def float_map(self, span: Span = EVERYWHERE, dtype: type = np.float64) -> np.ndarray:
        return self.prediction[span].astype(dtype, copy=False)

    def counts_in(self, span: Span) -> ValueCounts:
        foreground = self.mask[span].ravel().astype(np.float64)
        return ValueCounts(self.prediction[span].ravel(), foreground, 1 - foreground)

    def above_twice_mean(self) -> np.ndarray:
        mean = weighted_mean(self.counts.values, self.counts.total)
        return self.counts.values >= min(2 * mean, 1)


def saliency_pair(prediction: np.ndarray, ground_truth: np.ndarray, *, normalize: bool = True) -> SaliencyPair:
    """Check a prediction and its ground truth and prepare them for the saliency metrics.

    Args:
        prediction: (H, W), uint8 (divided by 255) or float in [0, 1].
        ground_truth: (H, W), bool, or uint8 whose object is every value above 128.
        normalize: Rescale the prediction of this image to [0, 1] by its minimum and maximum. A constant map stays.

    Returns:
        The pair, whose counts are computed when first requested and shared by all metrics.

    Raises:
        DataError: Shapes, dtypes or values are others than these.

    Examples:
        >>> pair = saliency_pair(np.array([[0, 51], [204, 255]], np.uint8), np.array([[0, 0], [1, 1]], bool))
        >>> pair.counts.pixels, pair.counts.positives
        (4.0, 2.0)
    """
    prediction, ground_truth = np.asarray(prediction), np.asarray(ground_truth)
    if prediction.ndim != 2 or prediction.size == 0:
        raise DataError(
            f'the prediction has shape {prediction.shape}; a saliency map is (height, width) with at least '
            'one pixel. Take one channel of it, one image at a time.'
        )
    if ground_truth.shape != prediction.shape:
        raise DataError(
            f'the prediction has shape {prediction.shape}, the ground truth {ground_truth.shape}. '
            'Bring the prediction to the size of the ground truth first: resize_prediction().'
        )
    mask = np.ascontiguousarray(object_mask(ground_truth))
    if prediction.dtype == np.uint8:
        return GreyPair(np.ascontiguousarray(prediction), mask, normalize)
    if not np.issubdtype(prediction.dtype, np.floating):
        raise DataError(f'the prediction is of dtype {prediction.dtype}; expected uint8, or float in [0, 1].')
    if not (prediction.min() >= 0 and prediction.max() <= 1):
        raise DataError(
            f'the float prediction spans [{prediction.min():g}, {prediction.max():g}]; expected [0, 1]. '
            'Give probabilities rather than logits, and 8-bit values as uint8.'
        )
    return FloatPair(prediction, mask, normalize)


def object_mask(ground_truth: np.ndarray) -> np.ndarray:
    """Ground truth as bool: an 8-bit value above 128 is object, 128 itself is not.

    Raises:
        DataError: The dtype is neither bool nor uint8, or an 8-bit image holds 0 and 1 only.

    Examples:
        >>> object_mask(np.array([[0, 128, 129, 255]], np.uint8))
        array([[False, False,  True,  True]])
    """
    if ground_truth.dtype == bool:
        return ground_truth
    if ground_truth.dtype != np.uint8:
        raise DataError(f'the ground truth is of dtype {ground_truth.dtype}; expected bool, or uint8 in 0..255.')
    if ground_truth.size and ground_truth.max() == 1:
        raise DataError(
            'the ground truth is uint8 with the values 0 and 1 only; object is what is above 128. Pass it as bool.'
        )
    return ground_truth > 128
