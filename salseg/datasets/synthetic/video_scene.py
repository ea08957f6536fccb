"""What a synthetic video shows: who plays, how they look and where they go."""

from dataclasses import dataclass, replace

import numpy as np

from salseg.datasets.synthetic.backgrounds import (
    Backdrop,
    Exposure,
    draw_backdrop,
    draw_exposure,
    draw_flat,
    draw_patches,
)
from salseg.datasets.synthetic.colors import HUES, draw_color, draw_palette, jitter
from salseg.datasets.synthetic.draws import between, choice, shuffled
from salseg.datasets.synthetic.motion import STILL, Camera, Path, draw_camera, draw_path, leave
from salseg.datasets.synthetic.painting import Grid, Light, Pose, SceneObject, draw_light, draw_object
from salseg.datasets.synthetic.shapes import Shape, draw_shape
from salseg.errors import DataError

RADII = (0.15, 0.22)
SEEN_AT_START = 0.6
"""Fraction of each object's pixels that must be visible in frame 0, as far as can be had."""


@dataclass(frozen=True)
class SceneOptions:
    """Who plays in a video; the arguments of ``draw_video`` of the same names say what they mean."""

    objects: int = 2
    look_alikes: bool = True
    distractors: int = 0
    occluders: int = 1
    leaving: bool = True
    late: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.objects <= 8:
            raise DataError(f'objects is {self.objects}; a synthetic video has 1 to 8.')
        if not 0 <= self.distractors <= 8 or not 0 <= self.occluders <= 8:
            raise DataError(f'distractors is {self.distractors}, occluders {self.occluders}; expected 0 to 8 of each.')


@dataclass(frozen=True)
class Layer:
    """A moving thing; ``label`` is its object's number, 0 for what is not an object."""

    thing: SceneObject
    path: Path
    label: int


@dataclass(frozen=True)
class VideoScene:
    """A scene without time: ``layers`` are ordered from the back to the front, ``patches`` lie still on the ground."""

    backdrop: Backdrop
    patches: tuple[SceneObject, ...]
    layers: tuple[Layer, ...]
    camera: Camera
    light: Light
    exposure: Exposure
    objects: int


def draw_scene(
    rng: np.random.Generator, grid: Grid, options: SceneOptions, moving_camera: bool, step: float
) -> VideoScene:
    """A scene in which no visible point moves farther than ``step`` (in shorter sides) from frame to frame."""
    palette, light, exposure = draw_palette(rng, 5), draw_light(rng), draw_exposure(rng)
    backdrop, patches = draw_backdrop(rng, palette, 0.8), tuple(draw_patches(rng, palette, grid))
    camera = draw_camera(rng, grid, step) if moving_camera else STILL
    things = _things(rng, options)
    bars = [_bar(rng, palette) for _ in range(options.occluders)]
    best: tuple[Layer, ...] = ()
    seen = -1.0
    for _ in range(24):
        layers = _placed(rng, grid, options, things, bars, step)
        fraction = _seen_at_start(layers, camera, grid, options)
        if fraction > seen:
            best, seen = layers, fraction
        if seen >= SEEN_AT_START:
            break
    return VideoScene(backdrop, patches, best, camera, light, exposure, options.objects)


def _things(rng: np.random.Generator, options: SceneOptions) -> list[SceneObject]:
    """Objects first, then distractors; their poses hold a radius only."""
    first = _object(rng)
    twins = options.distractors + (1 if options.objects > 1 else 0)
    others = [_object(rng) for _ in range(options.objects - 1 + options.distractors)]
    if options.look_alikes:
        alike = [_alike(rng, first) for _ in range(twins)]
        others = [
            *alike[: twins - options.distractors],
            *others[1 : options.objects - 1],
            *alike[twins - options.distractors :],
        ]
    return [first, *others]


def _object(rng: np.random.Generator) -> SceneObject:
    pose = Pose(0.0, 0.0, between(rng, *RADII), 0.0)
    return draw_object(rng, pose, draw_color(rng, choice(rng, tuple(HUES))))


def _alike(rng: np.random.Generator, thing: SceneObject) -> SceneObject:
    """The same family of shape, the same texture, nearly the same colour and size."""
    pose = replace(thing.pose, radius=thing.pose.radius * between(rng, 0.9, 1.1))
    return replace(thing, shape=draw_shape(rng, thing.shape.family), pose=pose, color=jitter(rng, thing.color, 0.05))


def _bar(rng: np.random.Generator, palette: list[np.ndarray]) -> SceneObject:
    """A flat bar, long enough to hide a good part of an object."""
    flat = draw_flat(rng, palette, Pose(0.0, 0.0, between(rng, 0.25, 0.4), 0.0))
    return replace(flat, shape=Shape('bar', (float(rng.random()),) * 6, (0.0, 0.0)))


def _placed(
    rng: np.random.Generator,
    grid: Grid,
    options: SceneOptions,
    things: list[SceneObject],
    bars: list[SceneObject],
    step: float,
) -> tuple[Layer, ...]:
    moving = []
    for number, thing in enumerate(things, 1):
        path = draw_path(rng, grid, thing.pose.radius, step)
        if options.late and number == options.objects:
            path = leave(rng, path, grid, late=True)
        elif options.leaving and number == 1:
            path = leave(rng, path, grid)
        moving.append(Layer(thing, path, number if number <= options.objects else 0))
    in_front = [Layer(bar, draw_path(rng, grid, bar.pose.radius, 0.5 * step), 0) for bar in bars]
    return (*shuffled(rng, moving), *in_front)


def _seen_at_start(layers: tuple[Layer, ...], camera: Camera, grid: Grid, options: SceneOptions) -> float:
    """Least fraction of an object that shows in frame 0; the object that comes late is exempt."""
    small = Grid(round(40 * grid.height / grid.unit), round(40 * grid.width / grid.unit))
    x, y = small.axes()
    top = np.zeros((small.height, small.width), dtype=np.uint8)
    whole = {}
    for layer in layers:
        pose = camera.see(layer.path.at(0), 0)
        mask = layer.thing.at(pose).covers(x, y)
        top[mask] = layer.label
        if layer.label and not (options.late and layer.label == options.objects):
            whole[layer.label] = _area(layer.thing) * (pose.radius * small.unit) ** 2
    return min((float((top == label).sum()) / area for label, area in whole.items()), default=1.0)


def _area(thing: SceneObject) -> float:
    """Area of a thing of radius 1."""
    axis = np.linspace(-1.4, 1.4, 57, dtype=np.float32)
    return float((thing.shape(*np.broadcast_arrays(axis[None], axis[:, None])) < 0).mean()) * 2.8**2
