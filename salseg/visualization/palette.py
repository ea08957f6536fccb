"""Label maps as palette PNGs and as colours over images."""

import os
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from salseg.errors import DataError
from salseg.io.files import replacing


@lru_cache(maxsize=1)
def davis_palette() -> np.ndarray:
    """(256, 3) uint8 colours of PASCAL VOC and DAVIS: bit k of a colour's channel is bit 3 k + channel of its index."""
    index = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((index >> channel) & 1) << (7 - bit)
        index = index >> 3
    return colours.astype(np.uint8)


def write_label_png(path: str | os.PathLike, labels: np.ndarray) -> Path:
    """Write ids as a palette PNG, under a temporary name, then renamed.

    Args:
        path: Target; its folder is made.
        labels: (H, W) uint8.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    image = Image.fromarray(np.ascontiguousarray(labels, np.uint8), mode='L')
    image.putpalette(davis_palette().tobytes())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable=False) as temporary:
            image.save(temporary, format='PNG')
    except OSError as error:
        raise DataError(f'{path} cannot be written: {error}. Free some space or choose another folder.') from error
    return path


def overlay_labels(image: np.ndarray, labels: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Tint every object in its colour of the palette and draw its contour.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, 0 stays as it is.
        opacity: Of the tint, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    result = image.copy()
    inside = labels > 0
    colours = davis_palette()[labels[inside]].astype(np.float32)
    result[inside] = np.rint((1 - opacity) * image[inside] + opacity * colours).astype(np.uint8)
    for index in np.unique(labels[inside]):
        contours, _ = cv2.findContours((labels == index).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        width = max(1, round(min(image.shape[:2]) / 240))
        cv2.drawContours(result, contours, -1, tuple(int(c) for c in davis_palette()[index]), width)
    return result
