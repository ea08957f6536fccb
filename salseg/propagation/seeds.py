"""Masks from points and scribbles: GrabCut (Rother et al., SIGGRAPH 2004) from seeds of objects and background."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from scipy import ndimage

from salseg.errors import DataError

UNKNOWN = 255
# Shorter side at which GrabCut runs; larger frames are made smaller for it.
SIDE = 480
_ROUNDS = 5
Point = tuple[float, float, bool]


def mask_from_seeds(image: np.ndarray, seeds: np.ndarray, begin: str = 'background') -> np.ndarray:
    """Masks of objects of which some pixels are given.

    Each object is cut from its background, which is the seeds of 0 and of other objects; where there is none, the border of
    the image. Parts that touch no seed of the object are left out. A pixel that several objects claim is the one's whose
    seed is nearer.

    Args:
        image: (H, W, 3) uint8 RGB.
        seeds: (H, W) uint8: 0 background, 1 to 254 ids, 255 not said.
        begin: What pixels that are not given begin as, before GrabCut changes it: 'background', or 'near', the nearest of
            seeds and image border. Scribbles cover enough to learn the object's colours from ('background'); points do
            not ('near').

    Returns:
        (H, W) uint8: 0 background, ids.

    Raises:
        DataError: Seeds of another size than the image, seeds without object, or an unknown ``begin``.
    """
    if begin not in ('background', 'near'):
        raise DataError(f"begin={begin!r}; expected 'background' or 'near'.")
    if seeds.shape != image.shape[:2]:
        raise DataError(f'the seeds are {seeds.shape} and the image {image.shape[:2]} (height, width); give one size.')
    ids = [index for index in np.unique(seeds).tolist() if index not in (0, UNKNOWN)]
    if not ids:
        raise DataError('the seeds hold no object: all pixels are 0 or 255. Mark at least one pixel of an object.')
    small, given = _reduced(image, seeds)
    reach = np.stack([ndimage.distance_transform_edt(given != index) for index in ids])
    found = np.stack([_cut(small, given, index, begin) for index in ids])
    # Of the objects that claim a pixel the one with the nearest seed; infinitely far where it claims nothing.
    distance = np.where(found, reach, np.inf)
    labels = np.where(found.any(0), np.array(ids, np.uint8)[distance.argmin(0)], 0).astype(np.uint8)
    whole = cv2.resize(labels, seeds.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(seeds == UNKNOWN, whole, seeds).astype(np.uint8)


def seeds_from_points(points: Mapping[int, Sequence[Point]], size: tuple[int, int]) -> np.ndarray:
    """Seeds (H, W) uint8 of points.

    Args:
        points: By id, (x, y, whether it is on the object) in pixels; one that is not on it is background for all.
        size: (H, W).

    Raises:
        DataError: A point is outside the image, or an object has no point on it.
    """
    height, width = size
    seeds = np.full(size, UNKNOWN, np.uint8)
    for index, given in points.items():
        if not any(positive for *_, positive in given):
            raise DataError(f'object {index} has no point on it; give at least one with +.')
        for x, y, positive in given:
            if not (0 <= x < width and 0 <= y < height):
                raise DataError(f'the point {x:g},{y:g} of object {index} is outside the {width}x{height} image.')
            if seeds[int(y), int(x)] not in (UNKNOWN, index if positive else 0):
                raise DataError(f'the pixel at {x:g},{y:g} is given twice, as two things; leave one of them out.')
            seeds[int(y), int(x)] = index if positive else 0
    return seeds


def _reduced(image: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    factor = SIDE / min(seeds.shape)
    if factor >= 1:
        return np.ascontiguousarray(image), seeds
    size = (round(seeds.shape[1] * factor), round(seeds.shape[0] * factor))
    small = np.full(size[::-1], UNKNOWN, np.uint8)
    # Pixel by pixel, or thin scribbles and points would vanish; objects last, so that they win.
    for index in sorted(set(np.unique(seeds).tolist()) - {UNKNOWN}):
        rows, columns = (np.argwhere(seeds == index) * factor).astype(int).T
        small[np.minimum(rows, size[1] - 1), np.minimum(columns, size[0] - 1)] = index
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), small


def _cut(image: np.ndarray, seeds: np.ndarray, index: int, begin: str) -> np.ndarray:
    """(H, W) bool of one object."""
    inside = seeds == index
    outside = (seeds != UNKNOWN) & ~inside
    border = np.pad(np.zeros((max(0, seeds.shape[0] - 2), max(0, seeds.shape[1] - 2)), bool), 1, constant_values=True)
    border = border[: seeds.shape[0], : seeds.shape[1]] & ~inside
    state = np.full(seeds.shape, cv2.GC_PR_BGD, np.uint8)
    if begin == 'near':
        to_object = ndimage.distance_transform_edt(~inside)
        state[to_object < ndimage.distance_transform_edt(~(outside | border))] = cv2.GC_PR_FGD
    state[_widened(outside if outside.any() and begin != 'near' else outside | border)] = cv2.GC_BGD
    state[_widened(inside)] = cv2.GC_FGD
    if not (state == cv2.GC_BGD).any() and not (state == cv2.GC_PR_BGD).any():
        return np.ones(seeds.shape, bool)
    # GrabCut's first clusters are drawn at random.
    cv2.setRNGSeed(0)
    cv2.grabCut(image, state, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    parts, _ = ndimage.label((state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD))
    return np.isin(parts, np.unique(parts[inside]))


def _widened(seeds: np.ndarray) -> np.ndarray:
    """A pixel alone has no colours to learn from: a hundredth of the shorter side around it is taken too."""
    side = 2 * max(1, round(min(seeds.shape) / 100)) + 1
    return cv2.dilate(seeds.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
