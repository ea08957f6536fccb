"""Motion as a closed formula of the frame number: any frame can be asked for, and no step is longer than promised."""

from dataclasses import dataclass, replace

import numpy as np

from salseg.datasets.synthetic.draws import between, chance, choice
from salseg.datasets.synthetic.painting import REACH, Grid, Pose

SHARES = {'slide': 0.5, 'turn': 0.1, 'swell': 0.1, 'pan': 0.15, 'roll': 0.075, 'zoom': 0.075}
"""How the longest step is divided among the motions that add up in one pixel; they sum up to 1."""

FASTEST = 0.6
"""Radians per frame beyond which a swing would look like a jump."""


@dataclass(frozen=True)
class Swing:
    """middle + amplitude * sin(rate * t + phase); it changes by at most amplitude * rate from frame to frame."""

    middle: float
    amplitude: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def at(self, t: float) -> float:
        return self.middle + self.amplitude * float(np.sin(self.rate * t + self.phase))


def swing(rng: np.random.Generator, middle: float, amplitude: float, step: float) -> Swing:
    """A swing from a random phase that moves by at most ``step`` a frame."""
    rate = min(FASTEST, step / amplitude) if amplitude > 0 else 0.0
    return Swing(middle, amplitude, rate, between(rng, 0, 6.2832))


@dataclass(frozen=True)
class Path:
    """Pose of a thing in the world over time."""

    x: Swing
    y: Swing
    radius: Swing
    angle: Swing

    def at(self, t: float) -> Pose:
        return Pose(self.x.at(t), self.y.at(t), self.radius.at(t), self.angle.at(t))


@dataclass(frozen=True)
class Camera:
    """Where the camera looks: its middle in the world, its roll and its zoom over time."""

    x: Swing
    y: Swing
    roll: Swing
    zoom: Swing

    def see(self, pose: Pose, t: float) -> Pose:
        """Pose in the picture of a pose in the world."""
        zoom, roll = self.zoom.at(t), self.roll.at(t)
        x, y = _turn(zoom * (pose.x - self.x.at(t)), zoom * (pose.y - self.y.at(t)), -roll)
        return Pose(x, y, zoom * pose.radius, pose.angle - roll)

    def world(self, t: float) -> Pose:
        """The pose, in the picture, of the world's origin and unit: its ``local`` gives coordinates in the world."""
        return self.see(Pose(0.0, 0.0, 1.0, 0.0), t)


STILL = Camera(Swing(0.0), Swing(0.0), Swing(0.0), Swing(1.0))
MOST_ZOOM = 1.1


def draw_camera(rng: np.random.Generator, grid: Grid, step: float) -> Camera:
    """A hand-held camera: pan, roll and zoom move no visible point of the world by more than their shares of a step."""
    corner = float(np.hypot(grid.height, grid.width)) / grid.unit / 2
    pan = SHARES['pan'] * step / MOST_ZOOM / np.sqrt(2)
    return Camera(
        swing(rng, 0.0, between(rng, 0.1, 0.25), pan),
        swing(rng, 0.0, between(rng, 0.1, 0.25), pan),
        swing(rng, 0.0, between(rng, 0.05, 0.15), SHARES['roll'] * step / corner),
        # From frame to frame a point moves by its distance times the relative change of the zoom.
        swing(rng, 1.0, MOST_ZOOM - 1, SHARES['zoom'] * step / corner * (2 - MOST_ZOOM)),
    )


def draw_path(rng: np.random.Generator, grid: Grid, radius: float, step: float) -> Path:
    """A thing that wanders within the picture, turns and swells."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    speed = SHARES['slide'] * step / MOST_ZOOM / np.sqrt(2) * between(rng, 0.5, 1.0)
    x, y = between(rng, -0.5, 0.5) * half_width, between(rng, -0.5, 0.5) * half_height
    reach_x, reach_y = between(rng, 0.2, 0.45) * half_width, between(rng, 0.2, 0.45) * half_height
    return Path(
        swing(rng, x, reach_x, speed), swing(rng, y, reach_y, speed),
        swing(rng, radius, 0.12 * radius, SHARES['swell'] * step / MOST_ZOOM / REACH),
        swing(rng, between(rng, 0, 6.2832), between(rng, 0.3, 1.2), SHARES['turn'] * step / MOST_ZOOM / (REACH * 1.12 * radius)),
    )


def leave(rng: np.random.Generator, path: Path, grid: Grid, late: bool = False) -> Path:
    """The path with a swing that carries the thing out of the picture at one side and back.

    Args:
        late: It starts outside and comes in later; else it starts on the way out, still inside.
    """
    sideways, side = chance(rng, 0.5), choice(rng, (-1.0, 1.0))
    old = path.x if sideways else path.y
    half = (grid.width if sideways else grid.height) / grid.unit / 2
    speed = old.amplitude * old.rate
    # The camera's pan, roll and zoom may bring a point 0.4 closer to the middle.
    amplitude = half + 1.2 * path.radius.middle + 0.4
    rate = min(FASTEST, speed / amplitude)
    phase = np.pi / 2 if late else float(np.arcsin(min(0.9, max(0.1, half - path.radius.middle) / amplitude)))
    new = Swing(0.0, side * amplitude, rate, phase)
    return replace(path, x=new) if sideways else replace(path, y=new)


def _turn(x: float, y: float, angle: float) -> tuple[float, float]:
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return cos * x - sin * y, sin * x + cos * y
