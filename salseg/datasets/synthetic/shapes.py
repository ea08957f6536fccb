"""Shape families: closed outlines with concavities and holes, as fields that are negative inside."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from salseg.datasets.synthetic.draws import between, chance

Params = tuple[float, ...]
OutlineField = Callable[[np.ndarray, np.ndarray, Params], np.ndarray]


@dataclass(frozen=True)
class Shape:
    """An outline around the origin, about 1 in radius.

    Attributes:
        family: A key of ``OUTLINES``.
        params: Numbers in [0, 1) that vary the family's proportions.
        bend: Amplitude and phase of a slow warp that keeps two shapes of a family from being congruent.
        hole: Centre and radius of a round hole, or nothing.
    """

    family: str
    params: Params
    bend: tuple[float, float]
    hole: tuple[float, float, float] | None = None

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Field at (u, v), float32: below 0 inside, 0 on the outline, above 0 outside."""
        amplitude, phase = np.float32(self.bend[0]), np.float32(self.bend[1])
        warped_u = u + amplitude * np.sin(np.float32(2.1) * v + phase)
        warped_v = v + amplitude * np.sin(np.float32(2.3) * u + 2 * phase)
        field = OUTLINES[self.family](warped_u, warped_v, self.params)
        if self.hole is not None:
            x, y, radius = (np.float32(value) for value in self.hole)
            field = np.maximum(field, radius - np.hypot(warped_u - x, warped_v - y))
        return field


def draw_shape(rng: np.random.Generator, family: str) -> Shape:
    """A shape of the family with random proportions; compact families get a hole now and then."""
    params = tuple(float(value) for value in rng.random(6))
    bend = (between(rng, 0.0, 0.14), between(rng, 0.0, 6.2832))
    hole = None
    if family in ('blob', 'ellipse', 'block', 'polygon') and chance(rng, 0.2):
        hole = (between(rng, -0.25, 0.25), between(rng, -0.2, 0.2), between(rng, 0.16, 0.28))
    return Shape(family, params, bend, hole)


def _ellipse(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    return np.hypot(u, v / np.float32(0.55 + 0.45 * p[0])) - 1


def _block(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    return _rounded_box(u, v, 0.9, 0.5 + 0.4 * p[0], 0.1 + 0.2 * p[1])


def _rounded_box(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float, corner: float) -> np.ndarray:
    x = np.abs(u) - np.float32(half_width - corner)
    y = np.abs(v) - np.float32(half_height - corner)
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return outside + np.minimum(np.maximum(x, y), 0) - np.float32(corner)


def _blob(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    angle = np.arctan2(v, u)
    radius = np.float32(0.8)
    for order in (2, 3, 5):
        swing = np.float32((0.1 + 0.14 * p[order]) * 2 / order)
        radius = radius + swing * np.cos(np.float32(order) * angle + np.float32(6.2832 * p[(order + 1) % 6]))
    return np.hypot(u, v) - radius


def _star(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    arms = 4 + int(p[0] * 3)
    wave = np.cos(np.float32(arms) * np.arctan2(v, u))
    return np.hypot(u, v) - (np.float32(0.78) + np.float32(0.14 + 0.1 * p[1]) * wave)


def _polygon(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    corners = 3 + int(p[0] * 4)
    inner = np.cos(np.pi / corners)
    field = np.full(u.shape, -np.inf, dtype=np.float32)
    for k in range(corners):
        angle = 2 * np.pi * (k + 0.3 * p[1 + k % 4]) / corners
        field = np.maximum(field, np.float32(np.cos(angle)) * u + np.float32(np.sin(angle)) * v)
    # Sides at uneven angles may meet far away; a disc cuts such corners off.
    return np.maximum(field - np.float32(0.5 + 0.45 * inner), np.hypot(u, v) - np.float32(1.2))


def _crescent(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    bite = np.float32(0.6 + 0.15 * p[0]) - np.hypot(u - np.float32(0.55 + 0.1 * p[1]), v)
    return np.maximum(np.hypot(u, v) - np.float32(0.95), bite)


def _ring(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    far = np.hypot(u, v / np.float32(0.7 + 0.3 * p[0]))
    return np.abs(far - np.float32(0.7)) - np.float32(0.26 + 0.08 * p[1])


def _dumbbell(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    left = np.hypot(u + np.float32(0.58), v) - np.float32(0.36 + 0.14 * p[0])
    right = np.hypot(u - np.float32(0.58), v) - np.float32(0.36 + 0.14 * p[1])
    bar = np.maximum(np.abs(u) - np.float32(0.6), np.abs(v) - np.float32(0.18 + 0.1 * p[2]))
    return np.minimum(np.minimum(left, right), bar)


def _arch(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    thick = np.float32(0.26 + 0.08 * p[0])
    bow = np.maximum(np.abs(np.hypot(u, v) - np.float32(0.65)) - thick, v)
    legs = _rounded_box(np.abs(u) - np.float32(0.65), v - np.float32(0.35), float(thick), 0.42, 0.1)
    return np.minimum(bow, legs)


def _cross(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    thick = 0.32 + 0.12 * p[0]
    return np.minimum(
        _rounded_box(u, v, 0.95, thick, 0.1), _rounded_box(u - np.float32(0.5 * p[1] - 0.25), v, thick, 0.9, 0.1)
    )


def _worm(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    bent = v - np.float32(0.3 + 0.15 * p[0]) * np.sin(np.float32(2.6 + 1.2 * p[1]) * u)
    return np.hypot(np.maximum(np.abs(u) - np.float32(0.75), 0), bent) - np.float32(0.3 + 0.08 * p[2])


def _bar(u: np.ndarray, v: np.ndarray, p: Params) -> np.ndarray:
    return _rounded_box(u, v, 1.0, 0.16 + 0.12 * p[0], 0.04)


SHAPES: dict[str, OutlineField] = {
    'ellipse': _ellipse,
    'block': _block,
    'blob': _blob,
    'star': _star,
    'polygon': _polygon,
    'crescent': _crescent,
    'ring': _ring,
    'dumbbell': _dumbbell,
    'arch': _arch,
    'cross': _cross,
    'worm': _worm,
}
"""Families of objects and of flat patches."""

OUTLINES = {**SHAPES, 'bar': _bar}
"""All families, with the bar that only occludes."""
