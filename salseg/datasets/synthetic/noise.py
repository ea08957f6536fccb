"""Noise: smooth fields, and frames that noise hides."""

from functools import lru_cache

import numpy as np

from salseg.datasets.synthetic.draws import between, generator_at

SIDE = 256
"""Pixels of a tile, a power of two; one tile covers one unit of pattern coordinates."""

OCTAVES = {'cloud': (4, 8, 16, 32), 'grain': (32, 64), 'swell': (2, 4)}


@lru_cache(maxsize=8)
def tile(kind: str) -> np.ndarray:
    """Periodic (256, 256) float32 tile in [-1, 1]: ``cloud``, ``grain``, ``swell`` (value noise) or ``cells``.

    The array is shared and read-only.
    """
    rng = generator_at('tile', 0, kind, 0)
    field = _cells(rng) if kind == 'cells' else sum(_octave(rng, n) * (OCTAVES[kind][0] / n) for n in OCTAVES[kind])
    low, high = np.quantile(field, (0.01, 0.99))
    field = np.clip((field - low) / (high - low) * 2 - 1, -1, 1).astype(np.float32)
    field.flags.writeable = False
    return field


def look_up(kind: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Tile value at (u, v), bilinear, float32 in [-1, 1]; u and v are in tiles and may be any real numbers."""
    field = _padded(kind)
    x, y = u * np.float32(SIDE), v * np.float32(SIDE)
    left, top = np.floor(x), np.floor(y)
    x -= left
    y -= top
    at = (top.astype(np.intp) & (SIDE - 1)) * (SIDE + 1) + (left.astype(np.intp) & (SIDE - 1))
    upper, lower = field[at], field[at + (SIDE + 1)]
    at += 1
    upper += x * (field[at] - upper)
    at += SIDE + 1
    lower += x * (field[at] - lower)
    lower -= upper
    lower *= y
    upper += lower
    return upper


@lru_cache(maxsize=8)
def _padded(kind: str) -> np.ndarray:
    """The tile with its first row and column repeated at the end, flat: a pixel's right neighbour is the next entry."""
    return np.ascontiguousarray(np.pad(tile(kind), ((0, 1), (0, 1)), mode='wrap')).ravel()


def _octave(rng: np.random.Generator, cells: int) -> np.ndarray:
    lattice = rng.random((cells, cells)) * 2 - 1
    position = np.arange(SIDE) * cells / SIDE
    start = position.astype(int)
    weight = position - start
    weight = weight * weight * (3 - 2 * weight)
    rows = lattice[start] * (1 - weight)[:, None] + lattice[(start + 1) % cells] * weight[:, None]
    return rows[:, start] * (1 - weight) + rows[:, (start + 1) % cells] * weight


def _cells(rng: np.random.Generator, count: int = 90) -> np.ndarray:
    """Difference of the distances to the two nearest of random points: 0 on the seams between cells."""
    axis = np.arange(SIDE) / SIDE
    nearest = np.full((2, SIDE, SIDE), np.inf)
    for x, y in rng.random((count, 2)):
        dx, dy = np.abs(axis - x), np.abs(axis - y)
        dx, dy = np.minimum(dx, 1 - dx), np.minimum(dy, 1 - dy)
        far = np.hypot(dy[:, None], dx[None])
        nearest[1] = np.minimum(nearest[1], np.maximum(nearest[0], far))
        nearest[0] = np.minimum(nearest[0], far)
    return np.sqrt(nearest[1] - nearest[0])


HIDES = ('frame', 'object')


def is_hidden(rng: np.random.Generator, t: int) -> bool:
    """Whether frame t is the one of its four; ``rng`` is that of the four, so that exactly one of them is."""
    return int(rng.random() * 4) == t % 4


def hide(rng: np.random.Generator, canvas: np.ndarray, boxes: np.ndarray, what: str) -> None:
    """Lay coarse noise over a canvas (H, W, 3), in place.

    Args:
        boxes: (K, 4) x0, y0, x1, y1 in pixels of what is to be hidden, read where ``what`` is 'object'.
        what: 'frame' covers everything; 'object' covers each box grown by 15 to 50 % of its size at each side, so that
            the noise does not show the outline.
    """
    height, width = canvas.shape[:2]
    cell = max(2, min(height, width) // 48)
    coarse = rng.random(((height + cell - 1) // cell, (width + cell - 1) // cell, 3)).astype(np.float32)
    noise = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)[:height, :width]
    regions = [(0, 0, width, height)] if what == 'frame' else [_grown(rng, box) for box in boxes]
    for x0, y0, x1, y1 in regions:
        part = (slice(max(0, int(y0)), max(0, int(y1))), slice(max(0, int(x0)), max(0, int(x1))))
        canvas[part] = np.float32(0.05) * canvas[part] + np.float32(0.95) * noise[part]


def _grown(rng: np.random.Generator, box: np.ndarray) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    width, height = x1 - x0, y1 - y0
    left, right, top, bottom = (between(rng, 0.15, 0.5) for _ in range(4))
    return x0 - left * width, y0 - top * height, x1 + right * width, y1 + bottom * height
