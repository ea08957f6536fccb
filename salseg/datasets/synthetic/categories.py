"""Procedural categories: a texture family, a colour family and a shape family that belong together."""

from dataclasses import dataclass

from salseg.datasets.synthetic.colors import HUES
from salseg.datasets.synthetic.shapes import SHAPES
from salseg.datasets.synthetic.textures import REGULAR


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
