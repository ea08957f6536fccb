"""Backgrounds that no rule about borders or colours solves: regions of strong colours, flat patches, cut-off shapes."""

from dataclasses import dataclass, replace

import numpy as np

from salseg.datasets.synthetic.colors import draw_tone, jitter
from salseg.datasets.synthetic.draws import between, chance, choice, whole
from salseg.datasets.synthetic.noise import look_up
from salseg.datasets.synthetic.painting import Grid, Pose, SceneObject
from salseg.datasets.synthetic.shapes import SHAPES, draw_shape
from salseg.datasets.synthetic.textures import IRREGULAR, REGULAR, Texture, draw_texture

ROUGH = tuple(IRREGULAR)


@dataclass(frozen=True)
class Backdrop:
    """A plane of regions with wavy seams, each in its own colour with an irregular texture.

    Attributes:
        points: (K, 2) float32; a region is what is nearest to its point, in bent and stretched coordinates.
        stretch: Factor on y before distances are taken.
        wave: Start (u, v), zoom and strength of the noise that bends the seams.
        colors: (K, 3) mean RGB.
        tones: (K, 3) RGB added where a region's texture is 1.
        textures: Two textures, of the regions with even and with odd numbers.
    """

    points: np.ndarray
    stretch: float
    wave: tuple[float, float, float, float]
    colors: np.ndarray
    tones: np.ndarray
    textures: tuple[Texture, Texture]

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """RGB (H, W, 3) float32 at float32 coordinates that broadcast to (H, W)."""
        region = self._regions(x, y)
        even, odd = (texture(x, y) for texture in self.textures)
        pattern = np.where(region & 1, odd, even)
        canvas = np.take(self.tones, region, axis=0)
        canvas *= pattern[..., None]
        canvas += np.take(self.colors, region, axis=0)
        return canvas

    def _regions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        start_u, start_v, zoom, bend = (np.float32(value) for value in self.wave)
        wave = bend * look_up('cloud', zoom * x + start_u, zoom * y + start_v)
        x, y = x + wave, (y - wave) * np.float32(self.stretch)
        nearest, region = np.full(x.shape, np.inf, dtype=np.float32), np.zeros(x.shape, dtype=np.intp)
        for k, (px, py) in enumerate(self.points):
            far = (x - px) ** 2
            far += (y - py) ** 2
            np.copyto(region, k, where=far < nearest)
            np.minimum(nearest, far, out=nearest)
        return region


def draw_backdrop(
    rng: np.random.Generator,
    palette: list[np.ndarray],
    reach: float = 0.6,
    contrast: tuple[float, float] = (0.05, 0.16),
) -> Backdrop:
    """4 to 7 regions whose points lie within ``reach`` of the middle, in jittered palette colours."""
    count = whole(rng, 4, 7)
    colors = np.stack([jitter(rng, palette[k % len(palette)], 0.05) for k in range(count)])
    tones = np.stack([draw_tone(rng, contrast) for _ in range(count)])
    textures = (draw_texture(rng, ROUGH, (0.5, 1.1)), draw_texture(rng, ROUGH, (0.5, 1.1)))
    wave = (float(rng.random()), float(rng.random()), between(rng, 0.3, 0.6), between(rng, 0.08, 0.2))
    points = ((rng.random((count, 2)) * 2 - 1) * reach).astype(np.float32)
    return Backdrop(points, between(rng, 0.5, 1.8), wave, colors, tones, textures)


def draw_patches(rng: np.random.Generator, palette: list[np.ndarray], grid: Grid) -> list[SceneObject]:
    """Flat, high-contrast things that are not salient: shapes cut by the border, often a larger one, small ones."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    poses = []
    for _ in range(whole(rng, 0, 2)):
        side, place = choice(rng, (-1, 1)), between(rng, 0.9, 1.15)
        if chance(rng, 0.5):
            x, y = side * half_width * place, between(rng, -half_height, half_height)
        else:
            x, y = between(rng, -half_width, half_width), side * half_height * place
        poses.append(Pose(x, y, between(rng, 0.14, 0.3), between(rng, 0, 6.2832)))
    radii = [between(rng, 0.025, 0.07) for _ in range(whole(rng, 2, 6))]
    if chance(rng, 0.8):
        radii.insert(0, between(rng, 0.1, 0.18))
    for radius in radii:
        x, y = between(rng, -half_width, half_width), between(rng, -half_height, half_height)
        poses.append(Pose(x, y, radius, between(rng, 0, 6.2832)))
    return [draw_flat(rng, palette, pose) for pose in poses]


def draw_flat(rng: np.random.Generator, palette: list[np.ndarray], pose: Pose) -> SceneObject:
    """A patch without relief; now and then it has an object's kind of pattern, so that a pattern is no proof."""
    shape = draw_shape(rng, choice(rng, tuple(SHAPES)))
    if chance(rng, 0.15):
        texture = draw_texture(rng, tuple(REGULAR), (0.3, 0.5))
    else:
        rough = draw_texture(rng, ROUGH, (0.5, 1.1))
        texture = replace(rough, period=rough.period / pose.radius)
    return SceneObject(shape, pose, texture, jitter(rng, choice(rng, palette), 0.15), draw_tone(rng, (0.03, 0.14)))


@dataclass(frozen=True)
class Exposure:
    """Uneven light over the whole image: a ramp along a direction and a colour cast."""

    slope: tuple[float, float]
    cast: np.ndarray

    def apply(self, canvas: np.ndarray, grid: Grid) -> None:
        """Multiply a canvas (H, W, 3) in place."""
        x, y = grid.axes()
        canvas *= (1 + np.float32(self.slope[0]) * x + np.float32(self.slope[1]) * y)[..., None] * self.cast


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """A ramp of 5 to 25 % from the middle to the border and a cast of up to 8 % a channel."""
    angle, strength = between(rng, 0, 6.2832), between(rng, 0.1, 0.5)
    cast = 1 + np.float32(0.08) * (rng.random(3).astype(np.float32) * 2 - 1)
    return Exposure((strength * float(np.cos(angle)), strength * float(np.sin(angle))), cast)
