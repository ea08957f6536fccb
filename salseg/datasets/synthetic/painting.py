"""Paint objects onto a canvas, flat or in relief, with light and shadow.

Coordinates are in units of the image's shorter side, origin in the middle, x to the right and y down, so that one
description gives the same image at every size.
"""

from dataclasses import dataclass, replace

import numpy as np

from salseg.datasets.synthetic.colors import HUES, draw_color, draw_tone, jitter
from salseg.datasets.synthetic.draws import between, chance, choice
from salseg.datasets.synthetic.shapes import SHAPES, Shape, draw_shape
from salseg.datasets.synthetic.textures import REGULAR, Texture, draw_texture

REACH = 1.42
"""No shape of radius 1 extends farther than this from its origin."""


@dataclass(frozen=True)
class Grid:
    """Pixel centres of an image of height x width pixels."""

    height: int
    width: int

    @property
    def unit(self) -> int:
        """Pixels in one unit of length."""
        return min(self.height, self.width)

    def axes(self, box: tuple[slice, slice] = (slice(None), slice(None))) -> tuple[np.ndarray, np.ndarray]:
        """x as (1, w) and y as (h, 1), float32, of the pixels in the box."""
        x = (np.arange(self.width, dtype=np.float32) + np.float32(0.5 - self.width / 2)) / np.float32(self.unit)
        y = (np.arange(self.height, dtype=np.float32) + np.float32(0.5 - self.height / 2)) / np.float32(self.unit)
        return x[None, box[1]], y[box[0], None]

    def box(self, x: float, y: float, radius: float) -> tuple[slice, slice]:
        """Rows and columns that a disc may touch, cut at the image's border; empty slices where it is outside."""
        reach = radius * self.unit + 2
        column, row = x * self.unit + self.width / 2, y * self.unit + self.height / 2
        rows = slice(max(0, int(row - reach)), max(0, min(self.height, int(row + reach) + 1)))
        return rows, slice(max(0, int(column - reach)), max(0, min(self.width, int(column + reach) + 1)))


@dataclass(frozen=True)
class Pose:
    """Where a shape is: centre, radius and rotation in radians."""

    x: float
    y: float
    radius: float
    angle: float

    def local(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in which the shape has radius 1 around the origin."""
        cos, sin = np.float32(np.cos(self.angle) / self.radius), np.float32(np.sin(self.angle) / self.radius)
        dx, dy = x - np.float32(self.x), y - np.float32(self.y)
        return cos * dx + sin * dy, cos * dy - sin * dx

    def carry(self, x: np.ndarray, y: np.ndarray, later: 'Pose') -> tuple[np.ndarray, np.ndarray]:
        """Where points that move with this pose are once it has become ``later``, float64."""
        turn, grow = later.angle - self.angle, later.radius / self.radius
        cos, sin = grow * np.cos(turn), grow * np.sin(turn)
        dx, dy = x - self.x, y - self.y
        return later.x + cos * dx - sin * dy, later.y + sin * dx + cos * dy


@dataclass(frozen=True)
class Light:
    """Where the light comes from and how strong the shadows are.

    Attributes:
        azimuth: Direction in the image plane, radians.
        ambient: Fraction of light that reaches every side, in [0, 1].
        shadow: How much a cast shadow darkens, in [0, 1].
        reach: Length of a cast shadow in radii of what casts it.
    """

    azimuth: float
    ambient: float
    shadow: float
    reach: float


def draw_light(rng: np.random.Generator) -> Light:
    """A light from anywhere, soft to fairly hard."""
    return Light(between(rng, 0, 6.2832), between(rng, 0.25, 0.5), between(rng, 0.15, 0.45), between(rng, 0.08, 0.2))


@dataclass(frozen=True)
class SceneObject:
    """One painted shape.

    Attributes:
        color: Mean RGB in [0, 1].
        tone: RGB added where the texture is 1 and taken away where it is -1.
        depth: Width of the rounded edge in radii; 0 paints it flat and without a shadow.
        gloss: Strength of the highlight.
    """

    shape: Shape
    pose: Pose
    texture: Texture
    color: np.ndarray
    tone: np.ndarray
    depth: float = 0.0
    gloss: float = 0.0

    def at(self, pose: Pose) -> 'SceneObject':
        """The same thing elsewhere."""
        return replace(self, pose=pose)

    def covers(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """True where the points (x, y) lie inside, bool."""
        return self.shape(*self.pose.local(x, y)) < 0


def paint(canvas: np.ndarray, thing: SceneObject, grid: Grid, light: Light) -> np.ndarray:
    """Paint a thing, with its shadow where it has relief.

    Args:
        canvas: (H, W, 3) float32 RGB, changed in place.

    Returns:
        (H, W) bool, True where a pixel's centre is inside the shape, whatever is painted over it later.
    """
    mask = np.zeros((grid.height, grid.width), dtype=bool)
    box = grid.box(thing.pose.x, thing.pose.y, thing.pose.radius * REACH)
    if thing.depth > 0:
        _cast_shadow(canvas, thing, grid, light)
    part = canvas[box]
    if part.shape[0] < 2 or part.shape[1] < 2:
        return mask
    u, v = thing.pose.local(*grid.axes(box))
    field = thing.shape(u, v)
    mask[box] = field < 0
    pixel = np.float32(1 / (thing.pose.radius * grid.unit))
    inside = _distance(field, pixel)
    color = thing.color + thing.texture(u, v)[..., None] * thing.tone
    if thing.depth > 0:
        shade, highlight = _relief(inside, pixel, thing, light)
        color *= shade[..., None]
        color += highlight[..., None]
    cover = np.clip(inside / pixel + np.float32(0.5), 0, 1)[..., None]
    part += cover * (color - part)
    return mask


def _distance(field: np.ndarray, pixel: np.float32) -> np.ndarray:
    """First-order distance to the outline, positive inside, in the field's coordinates."""
    slope_y, slope_x = _slopes(field)
    slope = np.sqrt(slope_y * slope_y + slope_x * slope_x) / pixel
    return -field / np.maximum(slope, np.float32(0.4))


def _slopes(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences per pixel along y and x."""
    along_y, along_x = np.empty_like(field), np.empty_like(field)
    along_y[1:-1] = (field[2:] - field[:-2]) * np.float32(0.5)
    along_y[0], along_y[-1] = field[1] - field[0], field[-1] - field[-2]
    along_x[:, 1:-1] = (field[:, 2:] - field[:, :-2]) * np.float32(0.5)
    along_x[:, 0], along_x[:, -1] = field[:, 1] - field[:, 0], field[:, -1] - field[:, -2]
    return along_y, along_x


def _relief(inside: np.ndarray, pixel: np.float32, thing: SceneObject, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Lambert shade and highlight of a body whose edge is rounded like a quarter circle and whose middle is flat."""
    edge = np.clip(inside / np.float32(thing.depth), 0, 1)
    height = np.float32(thing.depth) * np.sqrt(edge * (2 - edge))
    slope_y, slope_x = (slope / pixel for slope in _slopes(height))
    length = np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    toward_x, toward_y, up = 0.72 * np.cos(light.azimuth), 0.72 * np.sin(light.azimuth), 0.694
    facing = (np.float32(up) - np.float32(toward_x) * slope_x - np.float32(toward_y) * slope_y) / length
    facing = np.maximum(facing, 0)
    shade = np.float32(light.ambient) + np.float32((1.05 - light.ambient) / up) * facing
    sheen = facing * facing
    sheen *= sheen
    sheen *= sheen
    return np.minimum(shade, np.float32(1.35)), np.float32(thing.gloss) * sheen * sheen


def _cast_shadow(canvas: np.ndarray, thing: SceneObject, grid: Grid, light: Light) -> None:
    pose, reach = thing.pose, light.reach * thing.pose.radius
    away = Pose(pose.x - reach * np.cos(light.azimuth), pose.y - reach * np.sin(light.azimuth), pose.radius, pose.angle)
    box = grid.box(away.x, away.y, pose.radius * (REACH + 0.15))
    part = canvas[box]
    if part.size:
        field = thing.shape(*away.local(*grid.axes(box)))
        part *= (1 - np.float32(light.shadow) * np.clip(np.float32(0.5) - field * 4, 0, 1))[..., None]


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
