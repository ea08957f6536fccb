"""Saliency maps, masks and label maps from disk, as the metrics take them.

Without torch, so that a scoring process starts at once and is small.
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from salseg.errors import DataError, LabelError

# The preferred suffix first: where a stem has several files, the lossless one counts.
MAP_SUFFIXES = ('.png', '.bmp', '.tif', '.tiff', '.pgm', '.ppm', '.jpg', '.jpeg', '.webp')
VOID = 255
# Grey files with more than this as their largest value are no object ids.
LARGEST_USUAL_ID = 40


def read_values(path: Path) -> tuple[np.ndarray, bool]:
    """Values of a one-channel image.

    Returns:
        (H, W) uint8 and whether they are indices of a palette. Bits become 0 and 255, 16-bit values are divided by 257.

    Raises:
        DataError: The file is missing, broken, or in colour.
    """
    try:
        with Image.open(path) as image:
            palette = image.mode == 'P'
            if palette and _is_grey_ramp(image):
                image, palette = image.convert('L'), False
            values = np.asarray(image)
    except FileNotFoundError as error:
        raise DataError(f'{path} does not exist.') from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}. Write it again.') from error
    if values.dtype == bool:
        return values.astype(np.uint8) * 255, False
    if values.ndim == 3:
        values = _one_channel(path, values)
    if values.dtype != np.uint8:
        values = _eight_bits(path, values)
    return values, palette


def _is_grey_ramp(image: Image.Image) -> bool:
    """Whether a palette holds 100 or more greys and nothing else: a grey image that was saved to be smaller."""
    colours = np.asarray(image.getpalette() or [], np.uint8)
    if len(colours) < 300:
        return False
    colours = colours[: len(colours) // 3 * 3].reshape(-1, 3)
    return bool((colours == colours[:, :1]).all() and len(np.unique(colours[:, 0])) >= 100)


def _one_channel(path: Path, values: np.ndarray) -> np.ndarray:
    channels = values[..., :1] if values.shape[2] == 2 else values[..., :3]
    if (channels == channels[..., :1]).all():
        return values[..., 0]
    raise DataError(
        f'{path} is a colour image {values.shape}; expected one channel. Save maps in grey, labels as a palette PNG.'
    )


def _eight_bits(path: Path, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in 'iu' and values.min() >= 0 and values.max() <= 65535:
        return np.rint(values / 257).astype(np.uint8)
    raise DataError(
        f'{path} holds {values.dtype} in [{values.min():g}, {values.max():g}]; expected 8 or 16 bits of grey.'
    )


def read_map(path: Path) -> np.ndarray:
    """A predicted saliency map, (H, W) uint8; the objects of a palette file become 255.

    Raises:
        DataError: As `read_values`.
    """
    values, palette = read_values(path)
    return _union(values) if palette else values


def read_truth(path: Path) -> np.ndarray:
    """The ground truth of a map, (H, W) uint8 on the scale 0..255.

    Files that hold 0 and 1 only are stretched, the objects of a palette file become 255.

    Raises:
        DataError: As `read_values`.
        LabelError: A grey file holds object ids.
    """
    values, palette = read_values(path)
    if palette:
        return _union(values)
    highest = int(values.max(initial=0))
    if highest == 1:
        return values * 255
    if 1 < highest <= LARGEST_USUAL_ID and path.suffix.lower() == '.png':
        raise LabelError(
            f'{path} holds the values {_listed(present_values(values))}: these look like object ids, and '
            'a map counts as object above 128 only. Save labels as palette PNG (its objects are then united), or masks '
            'as 0 and 255.'
        )
    return values


def _union(labels: np.ndarray) -> np.ndarray:
    if labels.max(initial=0) == VOID and len(present_values(labels)) <= 2:
        return labels
    return ((labels > 0) & (labels < VOID)).astype(np.uint8) * 255


def read_labels(path: Path, binary: bool = False) -> np.ndarray:
    """A label map, (H, W) uint8.

    Args:
        path: A palette or grey file.
        binary: Everything above 0 is object 1: the files of one-object sets hold 0 and 255, or 0 and 1.

    Raises:
        DataError: As `read_values`; or a binary mask has so many values that it must be a soft map.
    """
    values, _ = read_values(path)
    if not binary:
        return values
    present = present_values(values)
    if len(present) > LARGEST_USUAL_ID:
        raise LabelError(
            f'{path} holds {len(present)} grey values; this protocol counts everything above 0 as object, so a soft '
            'map would be one large object. Cut it at a threshold and write 0 and 255.'
        )
    return (values > 0).astype(np.uint8)


def present_values(values: np.ndarray) -> list[int]:
    """Different values of an 8-bit image, ascending; a histogram, as sorting takes twenty times as long."""
    histogram = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256])
    return np.flatnonzero(histogram).tolist()


def image_size(path: Path) -> tuple[int, int]:
    """(height, width), from the head of the file.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error


def _listed(values: list[int]) -> str:
    return ', '.join(map(str, values[:12])) + (', ...' if len(values) > 12 else '')
