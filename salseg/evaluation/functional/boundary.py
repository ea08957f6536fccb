"""Boundary accuracy F: boundaries of two masks matched within a tolerance (Perazzi et al., CVPR 2016)."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from salseg.evaluation.functional.region import checked_masks

TOLERANCE = 0.008


def boundary_f(
    prediction: np.ndarray, ground_truth: np.ndarray, void: np.ndarray | None = None, *, tolerance: float = TOLERANCE
) -> float:
    """F of boundary precision and boundary recall of two masks.

    A boundary pixel is matched if one of the other boundary is within the tolerance. The dilations that decide this
    are evaluated on the bounding box of both masks only.

    Args:
        prediction: (H, W) bool.
        ground_truth: (H, W) bool.
        void: (H, W) bool, pixels that are background in both masks.
        tolerance: Radius as a fraction of the image's diagonal, rounded up to pixels; from 1 on, the radius itself.

    Returns:
        F in [0, 1]. With no boundary on either side 1, on one side only 0. A mask that fills the image has none.

    Raises:
        DataError: Shapes or dtypes do not fit.

    Examples:
        >>> truth = np.zeros((20, 20), bool)
        >>> truth[5:15, 5:15] = True
        >>> moved = np.roll(truth, 1, axis=1)
        >>> boundary_f(moved, truth), round(boundary_f(np.roll(truth, 4, axis=1), truth), 4)  # tolerance: one pixel
        (1.0, 0.45)
    """
    prediction, ground_truth = checked_masks(prediction, ground_truth, void)
    radius = tolerance_radius(prediction.shape, tolerance)
    window = window_of(prediction | ground_truth)
    if window is None:
        return 1.0
    return matched_f(Contour.of(prediction[window], radius), Contour.of(ground_truth[window], radius))


def tolerance_radius(shape: tuple[int, int], tolerance: float = TOLERANCE) -> int:
    """Radius in pixels, 8 for 480 x 854."""
    return math.ceil(tolerance if tolerance >= 1 else tolerance * math.sqrt(shape[0] ** 2 + shape[1] ** 2))


def window_of(mask: np.ndarray) -> tuple[slice, slice] | None:
    """Bounding box of a mask and one more pixel on each side, within the image; None if the mask is empty.

    The one pixel more keeps every boundary pixel, and what it is compared with, inside.
    """
    column, row, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    return slice(max(row - 1, 0), row + height + 1), slice(max(column - 1, 0), column + width + 1)


def boundary_map(mask: np.ndarray) -> np.ndarray:
    """(H, W) uint8, 1 where a mask differs from its right, lower or lower-right neighbour inside the image.

    That is: where the 2x2 window that begins here holds both values.

    Args:
        mask: (H, W) bool.
    """
    corner = np.ones((2, 2), np.uint8)
    return cv2.morphologyEx(np.ascontiguousarray(mask).view(np.uint8), cv2.MORPH_GRADIENT, corner, anchor=(0, 0))


def dilate_by_disk(image: np.ndarray, radius: int) -> np.ndarray:
    """Dilation with the filled disk {dx^2 + dy^2 <= radius^2}, exactly.

    A disk is a stack of horizontal segments that widen towards its middle: each inflation is a short dilation along the
    rows, each segment a shifted maximum. The work grows with the radius, not with the disk's area.

    Args:
        image: (H, W) uint8 of 0 and 1.
        radius: In pixels.
    """
    height = image.shape[0]
    dilated, widened, half = np.zeros_like(image), image, 0
    for shift in range(radius, -1, -1):
        wanted = math.isqrt(radius * radius - shift * shift)
        if wanted > half:
            widened = cv2.dilate(widened, np.ones((1, 2 * (wanted - half) + 1), np.uint8))
            half = wanted
        if shift < height:
            upper, lower = slice(0, height - shift), slice(shift, height)
            np.bitwise_or(dilated[lower], widened[upper], out=dilated[lower])
            np.bitwise_or(dilated[upper], widened[lower], out=dilated[upper])
    return dilated


@dataclass(frozen=True)
class Contour:
    """Boundary of a mask and the band around it: computed once, matched with several others.

    Attributes:
        line: (H, W) uint8, 1 on the boundary.
        band: (H, W) uint8, 1 within the tolerance of it.
        length: Pixels of the boundary.
    """

    line: np.ndarray
    band: np.ndarray
    length: int

    @classmethod
    def of(cls, mask: np.ndarray, radius: int) -> 'Contour':
        line = boundary_map(mask)
        length = cv2.countNonZero(line)
        return cls(line, dilate_by_disk(line, radius) if length else line, length)


def matched_f(prediction: Contour, ground_truth: Contour) -> float:
    """F of two boundaries of the same window."""
    if not (prediction.length and ground_truth.length):
        return float(prediction.length == ground_truth.length)
    precision = cv2.countNonZero(prediction.line & ground_truth.band) / prediction.length
    recall = cv2.countNonZero(ground_truth.line & prediction.band) / ground_truth.length
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
