"""Backgrounds that no rule about borders or colours solves: regions of strong colours, flat patches, cut-off shapes."""

import numpy as np

from salseg.datasets.synthetic.colors import draw_tone, jitter
from salseg.datasets.synthetic.draws import between, chance, choice, whole
from salseg.datasets.synthetic.noise import look_up
from salseg.datasets.synthetic.painting import Grid, Light, Pose, Thing, paint
from salseg.datasets.synthetic.shapes import SHAPES, draw_shape
from salseg.datasets.synthetic.textures import IRREGULAR, REGULAR, Texture, draw_texture

ROUGH = tuple(IRREGULAR)
FLAT_SHAPES = tuple(SHAPES)


def paint_regions(rng: np.random.Generator, palette: list[np.ndarray], grid: Grid) -> np.ndarray:
    """Canvas (H, W, 3) float32 of 4 to 7 regions with wavy seams, each in a palette colour with an irregular texture."""
    x, y = grid.axes()
    region = _regions(rng, x, y)
    count = int(region.max()) + 1
    colors = np.stack([jitter(rng, palette[k % len(palette)], 0.05) for k in range(count)])
    tones = np.stack([draw_tone(rng, (0.05, 0.16)) for _ in range(count)])
    patterns = np.stack([draw_texture(rng, ROUGH, (0.5, 1.1))(x, y) for _ in range(2)])
    pattern = np.where(region % 2 == 0, patterns[0], patterns[1])
    return colors[region] + pattern[..., None] * tones[region]


def _regions(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Index of the nearest of some random points, in coordinates that are bent by slow noise."""
    stretch = between(rng, 0.5, 1.8)
    start_u, start_v = np.float32(rng.random()), np.float32(rng.random())
    zoom, bend = np.float32(between(rng, 0.3, 0.6)), np.float32(between(rng, 0.08, 0.2))
    wave = look_up('cloud', zoom * x + start_u, zoom * y + start_v)
    x, y = x + bend * wave, (y - bend * wave) * np.float32(stretch)
    nearest, region = None, None
    for k in range(whole(rng, 4, 7)):
        px, py = np.float32(between(rng, -0.6, 0.6)), np.float32(between(rng, -0.6, 0.6))
        far = (x - px) ** 2 + (y - py) ** 2
        if nearest is None:
            nearest, region = far, np.zeros(far.shape, dtype=np.int64)
            continue
        closer = far < nearest
        region[closer] = k
        nearest = np.minimum(nearest, far)
    return region


def paint_distractors(rng: np.random.Generator, canvas: np.ndarray, palette: list[np.ndarray], grid: Grid,
                      light: Light) -> None:
    """Flat, high-contrast things that are not salient: small patches, a larger one, shapes cut by the border."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    for _ in range(whole(rng, 0, 2)):
        side = choice(rng, (-1, 1))
        if chance(rng, 0.5):
            x, y = side * half_width * between(rng, 0.9, 1.15), between(rng, -half_height, half_height)
        else:
            x, y = between(rng, -half_width, half_width), side * half_height * between(rng, 0.9, 1.15)
        paint(canvas, _flat(rng, palette, Pose(x, y, between(rng, 0.14, 0.3), between(rng, 0, 6.2832))), grid, light)
    for radius in (*((between(rng, 0.1, 0.18),) if chance(rng, 0.6) else ()),
                   *(between(rng, 0.025, 0.07) for _ in range(whole(rng, 2, 6)))):
        x, y = between(rng, -half_width, half_width), between(rng, -half_height, half_height)
        paint(canvas, _flat(rng, palette, Pose(x, y, radius, between(rng, 0, 6.2832))), grid, light)


def _flat(rng: np.random.Generator, palette: list[np.ndarray], pose: Pose) -> Thing:
    """A patch without relief; now and then with the kind of pattern that objects have, so that a pattern is no proof."""
    shape = draw_shape(rng, choice(rng, FLAT_SHAPES))
    if chance(rng, 0.15):
        texture = draw_texture(rng, tuple(REGULAR), (0.3, 0.5))
    else:
        rough = draw_texture(rng, ROUGH, (0.5, 1.1))
        texture = Texture(rough.family, rough.period / pose.radius, rough.angle, rough.offset)
    return Thing(shape, pose, texture, jitter(rng, choice(rng, palette), 0.15), draw_tone(rng, (0.03, 0.14)))


def expose(rng: np.random.Generator, canvas: np.ndarray, grid: Grid) -> None:
    """Uneven light over the whole canvas, in place: a ramp of up to 25 % each way and a slight colour cast."""
    x, y = grid.axes()
    angle, strength = between(rng, 0, 6.2832), between(rng, 0.1, 0.5)
    ramp = np.float32(strength * np.cos(angle)) * x + np.float32(strength * np.sin(angle)) * y
    cast = 1 + np.float32(0.08) * (rng.random(3).astype(np.float32) * 2 - 1)
    canvas *= (1 + ramp)[..., None] * cast
