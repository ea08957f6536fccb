"""Irregular patterns: periodic tiles, drawn once per process from a fixed stream and looked up anywhere in the plane."""

from functools import lru_cache

import numpy as np

from salseg.datasets.synthetic.draws import generator_at

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
    field = tile(kind).ravel()
    x, y = u * np.float32(SIDE), v * np.float32(SIDE)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    column, row = left.astype(np.int32) & (SIDE - 1), top.astype(np.int32) & (SIDE - 1)
    right = (column + 1) & (SIDE - 1)
    above, below = row * SIDE, ((row + 1) & (SIDE - 1)) * SIDE
    upper = field[above + column]
    upper += fx * (field[above + right] - upper)
    lower = field[below + column]
    lower += fx * (field[below + right] - lower)
    return upper + fy * (lower - upper)


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
