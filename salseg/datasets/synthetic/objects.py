"""Objects: closed shapes in relief with a regular texture, which is what makes them salient here."""

import numpy as np

from salseg.datasets.synthetic.colors import HUES, draw_color, draw_tone, jitter
from salseg.datasets.synthetic.draws import between, chance, choice
from salseg.datasets.synthetic.painting import Grid, Pose, SceneObject
from salseg.datasets.synthetic.shapes import SHAPES, draw_shape
from salseg.datasets.synthetic.textures import REGULAR, draw_texture

APART = 0.4
"""Least colour distance (Euclidean, RGB in [0, 1]) that an object tries to keep from what is under it."""


def draw_object(
    rng: np.random.Generator, pose: Pose, color: np.ndarray, shape: str | None = None, texture: str | None = None
) -> SceneObject:
    """An object of any shape and texture family, or of the given ones."""
    family = shape or choice(rng, tuple(SHAPES))
    pattern = draw_texture(rng, (texture,) if texture else tuple(REGULAR), (0.28, 0.5))
    depth, gloss = between(rng, 0.25, 0.5), between(rng, 0.0, 0.5)
    return SceneObject(draw_shape(rng, family), pose, pattern, color, draw_tone(rng, (0.09, 0.17)), depth, gloss)


def draw_pose(rng: np.random.Generator, grid: Grid, radius: tuple[float, float]) -> Pose:
    """Anywhere in the image, one in five at the border and cut by it."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    size = between(rng, *radius)
    room_x, room_y = max(half_width - size, 0.02), max(half_height - size, 0.02)
    x, y = between(rng, -room_x, room_x), between(rng, -room_y, room_y)
    if chance(rng, 0.2):
        side = choice(rng, (-1, 1))
        if chance(rng, 0.5):
            x = side * (half_width - 0.6 * size)
        else:
            y = side * (half_height - 0.6 * size)
    return Pose(x, y, size, between(rng, 0, 6.2832))


def color_against(rng: np.random.Generator, under: np.ndarray, palette: list[np.ndarray]) -> np.ndarray:
    """A colour that the background uses elsewhere, or a new one, but not the colour of what is under the object.

    Args:
        under: (3,) mean RGB where the object will be.
    """
    candidates = [jitter(rng, color, 0.08) for color in palette]
    if chance(rng, 0.15):
        candidates.insert(0, draw_color(rng, choice(rng, tuple(HUES))))
    else:
        candidates = [candidates[k] for k in np.argsort(rng.random(len(candidates)), kind='stable')]
    gaps = [float(np.sqrt(((color - under) ** 2).sum())) for color in candidates]
    return next((color for color, gap in zip(candidates, gaps) if gap >= APART), candidates[int(np.argmax(gaps))])
