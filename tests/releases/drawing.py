"""Pixels that all releases share: small textured images with clear objects, and short videos of them."""

import zlib
from functools import lru_cache

import numpy as np
from PIL import Image

SIZE = (41, 53)
COLOURS = ((230, 60, 40), (40, 200, 90), (60, 90, 240), (240, 220, 60), (220, 70, 220))
PALETTE = (0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128)
VOID = 255


def mix(*parts: object) -> int:
    """One seed from several things, the same on every machine."""
    return zlib.crc32(repr(parts).encode())


def odd_size(seed: int, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """(height, width) near `size`: images of a set differ, and no side is a multiple of anything on purpose."""
    height, width = size or SIZE
    random = np.random.default_rng(seed)
    return height + int(random.integers(0, 9)), width + int(random.integers(0, 12))


@lru_cache(maxsize=256)
def scene(seed: int, height: int, width: int, length: int = 1, objects: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T, H, W, 3) in 0 to 255 and ids (T, H, W): 0 the background, 1 to `objects` the objects.

    Objects stand in columns of their own, so none hides another, and swing up and down, so none leaves.
    """
    random = np.random.default_rng(seed)
    coarse = random.integers(20, 110, (4, 5, 3), dtype=np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)).astype(int)
    ground = ground + random.integers(-12, 13, (height, width, 1))
    rows, columns = np.mgrid[:height, :width]
    frames = np.empty((length, height, width, 3), np.uint8)
    ids = np.zeros((length, height, width), np.uint8)
    phases = random.uniform(0, 6, objects)
    for time in range(length):
        drawn = ground.copy()
        for number in range(1, objects + 1):
            across, down = 0.38 * width / objects, 0.24 * height
            middle = (number - 0.5) * width / objects
            level = height * (0.5 + 0.2 * np.sin(phases[number - 1] + 0.3 * time))
            far = ((columns - middle) / across) ** 2, ((rows - level) / down) ** 2
            # Odd objects are ellipses, even ones rectangles.
            inside = (far[0] + far[1] <= 1) if number % 2 else (np.maximum(*far) <= 0.7)
            drawn[inside] = np.array(COLOURS[(number - 1) % len(COLOURS)]) + (ground[inside] - 60) // 5
            ids[time][inside] = number
        frames[time] = np.clip(drawn, 0, 255)
    frames.setflags(write=False)
    ids.setflags(write=False)
    return frames, ids


def image(seed: int, size: tuple[int, int], objects: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """One image (H, W, 3) and its ids (H, W)."""
    frames, ids = scene(seed, *size, 1, objects)
    return frames[0], ids[0]


def full(ids: np.ndarray) -> np.ndarray:
    """The union of all objects as 0/255."""
    return np.where(ids > 0, 255, 0).astype(np.uint8)


def soft(ids: np.ndarray) -> np.ndarray:
    """0/255 with a grey border: 64 just outside the union, 192 just inside; half of full scale gives the union."""
    union = np.pad(ids > 0, 1, mode='edge')
    shifted = [union[1:-1, :-2], union[1:-1, 2:], union[:-2, 1:-1], union[2:, 1:-1]]
    inside, touched = np.all(shifted, axis=0), np.any(shifted, axis=0)
    mask = union[1:-1, 1:-1]
    return np.select([mask & inside, mask, touched], [255, 192, 64], 0).astype(np.uint8)


def levels(ids: np.ndarray) -> np.ndarray:
    """Parts that all, most and few annotators chose: id 1 all of 12, id 2 four of 12, a band of id 1 eight of 12."""
    values = np.array([0, 255, 85], np.uint8)[ids]
    values[::3][ids[::3] == 1] = 170
    return values


def scribbles(ids: np.ndarray, background: bool = True) -> np.ndarray:
    """0 unknown, 1 a line through the object, 2 (unless `background` is false) a line along the border."""
    codes = np.zeros_like(ids)
    rows, columns = np.nonzero(ids)
    middle = int(np.median(rows))
    inner = np.sort(columns[rows == middle])
    codes[middle, inner[2:-2]] = 1
    if background:
        outside = ids[1] == 0
        codes[1, outside] = 2
    return codes


def resized_labels(ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at another (height, width): each new pixel takes the old one below its centre."""
    height, width = ids.shape
    rows = ((np.arange(size[0]) + 0.5) * height / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * width / size[1]).astype(int)
    return ids[rows][:, columns]
