"""Texture families: regular patterns for objects, irregular ones for backgrounds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from salseg.datasets.synthetic.draws import between, choice
from salseg.datasets.synthetic.noise import look_up

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
TURN = np.float32(2 * np.pi)


@dataclass(frozen=True)
class Texture:
    """A pattern in the plane.

    Attributes:
        family: A key of ``REGULAR`` or ``IRREGULAR``.
        period: Length of one repeat (regular) or of one tile (irregular), in the coordinates it is asked at.
        angle: Rotation in radians.
        offset: Where the pattern starts, in periods.
    """

    family: str
    period: float
    angle: float
    offset: tuple[float, float]

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pattern in [-1, 1] at float32 coordinates of any equal shapes."""
        cos, sin = np.float32(np.cos(self.angle) / self.period), np.float32(np.sin(self.angle) / self.period)
        u = cos * x + sin * y + np.float32(self.offset[0])
        v = cos * y - sin * x + np.float32(self.offset[1])
        return FAMILIES[self.family](u, v)


def draw_texture(rng: np.random.Generator, families: tuple[str, ...], period: tuple[float, float]) -> Texture:
    """A texture of one of the families with random angle, offset and period."""
    return Texture(choice(rng, families), between(rng, *period), between(rng, 0, 6.2832), (rng.random(), rng.random()))


def _edge(wave: np.ndarray, sharpness: float) -> np.ndarray:
    return np.clip(wave * np.float32(sharpness), -1, 1)


def _stripes(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _edge(np.sin(TURN * u), 2.0)


def _checks(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _edge(np.sin(TURN * u) * np.sin(TURN * v), 3.0)


def _dots(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _edge(np.cos(TURN * u) + np.cos(TURN * v) - np.float32(0.5), 1.5)


def _zigzag(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    fold = np.abs(v - np.floor(v) - np.float32(0.5))
    return _edge(np.sin(TURN * (u + fold)), 2.0)


def _bricks(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    row = np.floor(v)
    across = (u * np.float32(0.5) + row * np.float32(0.5)) % 1
    seam = np.minimum(np.minimum(across, 1 - across) * 2, np.minimum(v - row, row + 1 - v))
    return _edge(seam - np.float32(0.12), 10.0)


def _scales(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    row = np.floor(v)
    across = (u + row * np.float32(0.5)) % 1 - np.float32(0.5)
    return np.clip(np.float32(1.2) - 4 * (across * across + (v - row) ** 2 * np.float32(0.45)), -1, 1)


def _cloud(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return look_up('cloud', u, v)


def _grain(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return look_up('grain', u, v)


def _fibre(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return look_up('grain', u, v * np.float32(0.15))


def _stones(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return look_up('cells', u, v)


def _marble(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.float32(0.8) * np.sin(TURN * (3 * u + look_up('cloud', u, v)))


REGULAR: dict[str, Field] = {
    'stripes': _stripes,
    'checks': _checks,
    'dots': _dots,
    'zigzag': _zigzag,
    'bricks': _bricks,
    'scales': _scales,
}
IRREGULAR: dict[str, Field] = {
    'cloud': _cloud,
    'grain': _grain,
    'fibre': _fibre,
    'stones': _stones,
    'marble': _marble,
}
FAMILIES = {**REGULAR, **IRREGULAR}
