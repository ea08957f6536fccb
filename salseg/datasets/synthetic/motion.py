"""Motion of objects and of the camera as closed formulas of the frame number.

Any frame can be drawn alone, and no step is longer than promised.
"""

from dataclasses import dataclass, replace

import numpy as np

from salseg.datasets.synthetic.draws import bell, between, chance, choice
from salseg.datasets.synthetic.painting import REACH, Grid, Pose

FRACTIONS = {'slide': 0.6, 'turn': 0.08, 'swell': 0.06, 'pan': 0.14, 'roll': 0.06, 'zoom': 0.06}
"""How the longest step is divided among the motions that add up in one pixel; they sum up to 1."""

FASTEST = 0.6
"""Radians per frame beyond which a swing would look like a jump."""


@dataclass(frozen=True)
class Oscillation:
    """middle + amplitude * sin(rate * t + phase); it changes by at most amplitude * rate from frame to frame."""

    middle: float
    amplitude: float = 0.0
    rate: float = 0.0
    phase: float = 0.0

    def at(self, t: float) -> float:
        return self.middle + self.amplitude * float(np.sin(self.rate * t + self.phase))


def oscillation(rng: np.random.Generator, middle: float, amplitude: float, step: float) -> Oscillation:
    """A swing from a random phase that moves by at most ``step`` a frame."""
    rate = min(FASTEST, step / amplitude) if amplitude > 0 else 0.0
    return Oscillation(middle, amplitude, rate, between(rng, 0, 6.2832))


@dataclass(frozen=True)
class Path:
    """Pose of a thing in the world over time."""

    x: Oscillation
    y: Oscillation
    radius: Oscillation
    angle: Oscillation

    def at(self, t: float) -> Pose:
        return Pose(self.x.at(t), self.y.at(t), self.radius.at(t), self.angle.at(t))


@dataclass(frozen=True)
class Camera:
    """Where the camera looks: its middle in the world, its roll and its zoom over time."""

    x: Oscillation
    y: Oscillation
    roll: Oscillation
    zoom: Oscillation

    def see(self, pose: Pose, t: float) -> Pose:
        """Pose in the image of a pose in the world."""
        zoom, roll = self.zoom.at(t), self.roll.at(t)
        x, y = _turn(zoom * (pose.x - self.x.at(t)), zoom * (pose.y - self.y.at(t)), -roll)
        return Pose(x, y, zoom * pose.radius, pose.angle - roll)

    def world(self, t: float) -> Pose:
        """The pose, in the image, of the world's origin and unit: its ``local`` gives coordinates in the world."""
        return self.see(Pose(0.0, 0.0, 1.0, 0.0), t)


STILL = Camera(Oscillation(0.0), Oscillation(0.0), Oscillation(0.0), Oscillation(1.0))
MOST_ZOOM = 1.1


def draw_camera(rng: np.random.Generator, grid: Grid, step: float) -> Camera:
    """A hand-held camera: pan, roll and zoom move no visible point of the world by more than their fractions of a step."""
    corner = float(np.hypot(grid.height, grid.width)) / grid.unit / 2
    pan_x, pan_y = _split(rng, FRACTIONS['pan'] * step / MOST_ZOOM)
    return Camera(
        oscillation(rng, 0.0, between(rng, 0.1, 0.25), pan_x),
        oscillation(rng, 0.0, between(rng, 0.1, 0.25), pan_y),
        oscillation(rng, 0.0, between(rng, 0.05, 0.15), FRACTIONS['roll'] * step / corner),
        # From frame to frame a point moves by its distance times the relative change of the zoom.
        oscillation(rng, 1.0, MOST_ZOOM - 1, FRACTIONS['zoom'] * step / corner * (2 - MOST_ZOOM)),
    )


def draw_path(rng: np.random.Generator, grid: Grid, radius: float, step: float) -> Path:
    """A thing that wanders within the image, turns and swells."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    speed_x, speed_y = _split(rng, FRACTIONS['slide'] * step / MOST_ZOOM * between(rng, 0.7, 1.0))
    x, y = between(rng, -0.5, 0.5) * half_width, between(rng, -0.5, 0.5) * half_height
    reach_x, reach_y = between(rng, 0.2, 0.45) * half_width, between(rng, 0.2, 0.45) * half_height
    spin = FRACTIONS['turn'] * step / MOST_ZOOM / (REACH * 1.12 * radius)
    return Path(
        oscillation(rng, x, reach_x, speed_x),
        oscillation(rng, y, reach_y, speed_y),
        oscillation(rng, radius, 0.12 * radius, FRACTIONS['swell'] * step / MOST_ZOOM / REACH),
        oscillation(rng, between(rng, 0, 6.2832), between(rng, 0.3, 1.2), spin),
    )


def leave(rng: np.random.Generator, path: Path, grid: Grid, late: bool = False) -> Path:
    """The path with a swing that carries the thing out of the image at one side and back.

    Args:
        late: It starts outside and comes in later; else it starts on the way out, still inside.
    """
    sideways, side = chance(rng, 0.5), choice(rng, (-1.0, 1.0))
    half = (grid.width if sideways else grid.height) / grid.unit / 2
    speed = float(np.hypot(path.x.amplitude * path.x.rate, path.y.amplitude * path.y.rate))
    # The nearest point is well inside on the other half. The farthest one leaves a little room for the camera; who
    # comes late must be outside at first wherever the camera looks: panned by 0.25, zoomed out, rolled.
    farthest = half + (1.55 * path.radius.middle + 0.4 if late else 1.2 * path.radius.middle + 0.1)
    nearest = -0.6 * half
    middle, amplitude = (farthest + nearest) / 2, (farthest - nearest) / 2
    rate = min(FASTEST, 0.9 * speed / amplitude)
    inside = (half - path.radius.middle - middle) / amplitude
    phase = np.pi / 2 if late else float(np.arcsin(min(0.9, max(-0.5, inside))))
    out = Oscillation(side * middle, side * amplitude, rate, phase)
    # 0.9 and 0.4 of the speed along the two axes: together no faster than before.
    along = path.y if sideways else path.x
    along = replace(along, rate=min(along.rate, 0.4 * speed / along.amplitude))
    return replace(path, x=out, y=along) if sideways else replace(path, x=along, y=out)


def _split(rng: np.random.Generator, speed: float) -> tuple[float, float]:
    """A speed's parts along x and y, neither nearly 0."""
    angle = between(rng, 0.3, 1.27)
    return speed * float(np.cos(angle)), speed * float(np.sin(angle))


def _turn(x: float, y: float, angle: float) -> tuple[float, float]:
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return cos * x - sin * y, sin * x + cos * y


NOISE = 0.02
"""Deviation of the noise of each pixel and channel, in [0, 1] (5.1 grey levels).

It is fixed because it decides how much a loss on colour differences can act: neighbours of equal paint differ by
0.02 x sqrt(2) per channel."""


def develop(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Image (H, W, 3) uint8 of a canvas: 1-2-1 blur along both axes, normal noise, rounding."""
    blurred = canvas.copy()
    blurred[1:-1] = np.float32(0.25) * (canvas[:-2] + canvas[2:]) + np.float32(0.5) * canvas[1:-1]
    image = blurred.copy()
    image[:, 1:-1] = np.float32(0.25) * (blurred[:, :-2] + blurred[:, 2:]) + np.float32(0.5) * blurred[:, 1:-1]
    image += np.float32(NOISE) * bell(rng, canvas.shape)
    return np.clip(image * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
