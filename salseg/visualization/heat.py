"""Maps of numbers as colours, alone and over images."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

HeatKind = Literal['map', 'signed', 'index', 'matrix']
# What is below 0 in a map of numbers of frames; viridis has no such colour.
NONE_COLOUR = (213, 94, 160)
_BLUE, _WHITE, _RED = (33, 102, 172), (247, 247, 247), (178, 24, 43)


def heat_limits(maps: Sequence[np.ndarray], kind: HeatKind = 'map') -> tuple[float, float]:
    """Values of the first and the last colour that suit some maps: 'signed' ones are symmetrical about 0."""
    low, high = min(float(m.min()) for m in maps), max(float(m.max()) for m in maps)
    if kind == 'signed':
        high = max(abs(low), abs(high))
        low = -high
    return (low, high) if high > low else (low, low + 1e-6)


def heat(values: np.ndarray, limits: tuple[float, float], kind: HeatKind = 'map') -> np.ndarray:
    """Colours of a map: viridis, dark to bright; 'signed' from blue over white to red.

    Args:
        values: (H, W); NaN takes the colour of the least.
        limits: Values of the first and the last colour; what is outside takes the nearest.
        kind: Of an 'index', what is below 0 is pink.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    low, high = limits
    share = np.nan_to_num((np.asarray(values, np.float64) - low) / max(high - low, 1e-12)).clip(0, 1)
    if kind == 'signed':
        return _diverging(share)
    level = np.rint(share * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    if kind == 'index':
        colours[np.asarray(values) < 0] = NONE_COLOUR
    return colours


def _diverging(share: np.ndarray) -> np.ndarray:
    stops = np.array([_BLUE, _WHITE, _RED], np.float64)
    return np.rint(np.stack([np.interp(share, (0, 0.5, 1), stops[:, channel]) for channel in range(3)], -1)).astype(
        np.uint8
    )


def overlay_heat(
    image: np.ndarray,
    values: np.ndarray,
    limits: tuple[float, float],
    kind: HeatKind = 'map',
    marks: Sequence[tuple[float, float]] = (),
) -> np.ndarray:
    """A map's colours over the greys of its image, with crosses.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (H, W).
        limits, kind: See :func:`heat`.
        marks: Row and column of each cross, in pixels.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    grey = image.mean(2, keepdims=True)
    result = np.rint(0.35 * grey + 0.65 * heat(values, limits, kind)).clip(0, 255).astype(np.uint8)
    size = max(9, min(image.shape[:2]) // 14)
    for row, column in marks:
        place = (round(column), round(row))
        # White on black shows on every colour.
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            thick = width * max(1, size // 14)
            cv2.drawMarker(result, place, colour, cv2.MARKER_CROSS, size, thick, cv2.LINE_AA)
    return result


def matrix_image(values: np.ndarray, limits: tuple[float, float], least: int = 256) -> np.ndarray:
    """A matrix (H, W) as squares of one colour each, (h, w, 3) uint8 RGB, no side below ``least``."""
    factor = max(1, -(-least // min(values.shape)))
    return heat(values, limits).repeat(factor, 0).repeat(factor, 1)
