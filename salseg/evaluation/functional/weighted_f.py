"""Weighted F-measure (Margolin, Zelnik-Manor and Tal, CVPR 2014)."""

from collections.abc import Sequence

import cv2
import numpy as np

from salseg.evaluation.functional.pair import EPS, SaliencyPair, Span

WINDOW, SIGMA = 3, 5.0
DECAY = np.log(0.5) / 5
# Farther away the decay is below 1e-9, so distances need not be known.
REACH = 160


def _near_offsets() -> list[tuple[int, int]]:
    """Offsets to the nearest object pixel, as far as one inside the window allows.

    At equal distance the smaller column, then the smaller row comes first: the choice of SciPy's exact transform, and
    with it of the public implementations.
    """
    farthest = 2 * WINDOW**2
    reach = range(-WINDOW - 1, WINDOW + 2)
    offsets = [(r * r + c * c, c, r) for r in reach for c in reach if 0 < r * r + c * c <= farthest]
    return [(row, column) for _, column, row in sorted(offsets)]


NEAR_OFFSETS = _near_offsets()


def weighted_f_measure(pair: SaliencyPair, *, beta_squared: float = 1.0) -> float:
    """Weighted F of one image, in [0, 1]; 0 for an empty ground truth.

    An error inside the object is excused as far as its neighbours are right (7x7 Gaussian of sigma 5); one outside
    counts more the farther it is from the object (factor 2 - exp(ln(0.5) / 5 * distance)).

    The smoothing is evaluated on the object only, so it and the nearest object pixels are computed on the object's
    bounding box; the distance enters only where the map is not 0.

    Args:
        pair: Prediction and ground truth.
        beta_squared: Weight of precision; the public implementations take 1, unlike the 0.3 of the plain F.

    Examples:
        >>> from salseg.evaluation.functional import saliency_pair
        >>> truth = np.zeros((8, 8), bool)
        >>> truth[2:5, 2:5] = True
        >>> round(weighted_f_measure(saliency_pair(truth.astype(float), truth)), 4)
        1.0
    """
    positives = pair.counts.positives
    if positives == 0:
        return 0.0
    box = cv2.boundingRect(pair.mask_bytes)
    object_error = _object_error(pair, _grown(box, WINDOW, pair.mask.shape))
    background_error = _background_error(pair, box)
    true = positives - object_error
    recall = 1 - object_error / positives
    precision = true / (true + background_error + EPS)
    return float((1 + beta_squared) * recall * precision / (recall + beta_squared * precision + EPS))


def _grown(box: Sequence[int], margin: int, shape: tuple[int, ...]) -> Span:
    column, row, width, height = box
    return (
        slice(max(row - margin, 0), min(row + height + margin, shape[0])),
        slice(max(column - margin, 0), min(column + width + margin, shape[1])),
    )


def _object_error(pair: SaliencyPair, span: Span) -> float:
    """Sum over the object of min(E, smoothed E)."""
    mask = pair.mask[span]
    error = cv2.absdiff(pair.float_map(span), mask.astype(np.float64))
    kernel = np.exp(-(np.arange(-WINDOW, WINDOW + 1) ** 2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    spread = spread_from_object(error, mask)
    smooth = cv2.sepFilter2D(spread, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    return float(np.minimum(error, smooth)[mask].sum())


def spread_from_object(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give each pixel that shares a 7x7 window with the object the value of its nearest object pixel.

    Args:
        values: (H, W) float64.
        mask: (H, W) bool, the object.

    Returns:
        A changed copy of `values`; pixels farther away keep theirs.
    """
    border = WINDOW + 1

    def padded(image: np.ndarray) -> np.ndarray:
        return cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT, value=0)

    inside = mask.view(np.uint8)
    near = cv2.dilate(inside, np.ones((2 * WINDOW + 1,) * 2, np.uint8))
    todo = np.flatnonzero(padded(cv2.bitwise_xor(near, inside)))
    is_object = padded(inside).ravel().view(bool)
    spread = padded(values)
    flat = spread.ravel()
    for row, column in NEAR_OFFSETS:
        if not todo.size:
            break
        source = todo + (row * spread.shape[1] + column)
        found = is_object[source]
        flat[todo[found]] = flat[source[found]]
        todo = todo[~found]
    return spread[border:-border, border:-border]


def _background_error(pair: SaliencyPair, box: Sequence[int]) -> float:
    """Sum beside the object of E * (2 - exp(decay * distance)), where E is the map itself."""
    counts = pair.counts
    total = np.dot(counts.background, counts.values)
    if total == 0:
        return 0.0
    span = _grown(box, REACH, pair.mask.shape)
    outside = pair.mask_bytes[span] ^ 1
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squares are whole numbers. OpenCV's root is not always the same in its last bit, NumPy's is the nearest float.
    distance = np.sqrt(np.rint(distance * distance))
    weight = cv2.exp(distance * np.float32(DECAY))
    # OpenCV's sum is faster, but its order, and with it the last bit, depends on where the array is in memory.
    near = float(np.sum(cv2.multiply(weight, pair.float_map(span, np.float32)), dtype=np.float64))
    # The distance is 0 and the factor 1 on the object itself, which is no part of this sum.
    near -= np.dot(counts.foreground, counts.values)
    return float(2 * total - near)
