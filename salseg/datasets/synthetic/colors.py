"""Colours of synthetic scenes, and categories of objects by colour and texture."""

from dataclasses import dataclass

import numpy as np

from salseg.datasets.synthetic.draws import between, chance, shuffled
from salseg.datasets.synthetic.shapes import SHAPES
from salseg.datasets.synthetic.textures import REGULAR

HUES = {'red': 0.0, 'orange': 0.09, 'green': 0.33, 'cyan': 0.5, 'blue': 0.62, 'purple': 0.8}
"""Centre of each colour family on the hue circle of length 1."""


def from_hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB of a hue on the circle of length 1, a saturation and a value in [0, 1]."""
    sector = np.float32((hue % 1) * 6)
    ramps = np.abs((sector + np.array([0, 4, 2], dtype=np.float32)) % 6 - 3) - 1
    pure = np.clip(ramps, 0, 1)
    return (np.float32(value) * (1 - np.float32(saturation) * (1 - pure))).astype(np.float32)


def draw_color(rng: np.random.Generator, family: str) -> np.ndarray:
    """A colour of a family: its hue within 0.03, saturation 0.45 to 0.9, value 0.35 to 0.85."""
    hue = HUES[family] + between(rng, -0.03, 0.03)
    return from_hsv(hue, between(rng, 0.45, 0.9), between(rng, 0.35, 0.85))


def draw_palette(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Colours of one image: of different families as far as there are, some of them dull, as in most photographs."""
    colors = []
    for family in (shuffled(rng, tuple(HUES)) * (1 + count // len(HUES)))[:count]:
        color = draw_color(rng, family)
        if chance(rng, 0.35):
            color = color + np.float32(between(rng, 0.5, 0.9)) * (color.mean() - color)
        colors.append(color)
    return colors


def jitter(rng: np.random.Generator, color: np.ndarray, amount: float) -> np.ndarray:
    """A neighbour of a colour, each channel moved by at most ``amount``."""
    return np.clip(color + (rng.random(3).astype(np.float32) * 2 - 1) * np.float32(amount), 0.03, 0.97)


def draw_tone(rng: np.random.Generator, contrast: tuple[float, float]) -> np.ndarray:
    """Colour difference between a pattern's light and mean parts: mostly lightness, a little hue."""
    lightness = between(rng, *contrast)
    return np.float32(lightness) * (1 + np.float32(0.3) * (rng.random(3).astype(np.float32) * 2 - 1))


@dataclass(frozen=True)
class Category:
    """What all objects of a category have in common.

    Attributes:
        number: Place in ``CATEGORIES``.
        name: ``<colour> <texture> <shape>``, with spaces, as real sets have them.
    """

    number: int
    texture: str
    color: str
    shape: str

    @property
    def name(self) -> str:
        return f'{self.color} {self.texture} {self.shape}'


def _all_categories() -> tuple[Category, ...]:
    textures, colors, shapes = tuple(REGULAR), tuple(HUES), tuple(SHAPES)
    # The shape is a Latin arrangement of the other two: no two categories have more than one of the three in common.
    return tuple(
        Category(len(colors) * t + c, texture, color, shapes[(t + 2 * c) % len(shapes)])
        for t, texture in enumerate(textures)
        for c, color in enumerate(colors)
    )


CATEGORIES = _all_categories()
"""36 categories, 6 textures by 6 colours; two of them share one property at most."""

HELD_OUT = tuple(c.number for c in CATEGORIES if (c.number % len(HUES) - c.number // len(HUES)) % len(HUES) == 0)
"""Numbers of 6 categories to keep out of training; each texture and each colour occurs once among them."""

SEEN = tuple(c.number for c in CATEGORIES if c.number not in HELD_OUT)
"""Numbers of the other 30."""
