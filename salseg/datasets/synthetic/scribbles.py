"""Scribbles as a hand draws them: a few smooth, wobbling scribbles on the object and around it."""

import math
from dataclasses import dataclass, field
from math import cos, sin

import numpy as np

from salseg.datasets.synthetic.draws import between, chance, whole
from salseg.errors import DataError

UNKNOWN, OBJECT, BACKGROUND = 0, 1, 2
MAX_FRACTION = 0.04
STEP = 2.0
AHEAD = 3
LOOKS = (2, 5, 10)
RIM = 12
TURNS = (0.0, 0.4, -0.4, 0.9, -0.9, 1.5, -1.5)


@dataclass(frozen=True)
class ScribbleRegion:
    """Where one class' scribbles may run.

    Attributes:
        clearance: (H, W) float32, distance in pixels of a pixel's centre to the nearest pixel of the other class,
            negative within the other class, as far as ``limit`` pixels either way. The image's border is no obstacle.
        limit: Distance at which the clearance is cut off.
        room: Least clearance of a scribble's middle line.
        sloppiness: Pixels by which the hand misses it.
        pockets: Rows and columns of places that the other class encloses, where the second scribble begins.
    """

    clearance: np.ndarray
    limit: float
    room: float
    sloppiness: float
    pockets: tuple[np.ndarray, np.ndarray]
    _flat: memoryview = field(init=False, repr=False, compare=False)
    _stride: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Single numbers are read far faster from a view of the buffer than from the array, and with a edge that no look
        # reaches across there is nothing to check.
        padded = np.pad(self.clearance, RIM, constant_values=-self.limit)
        object.__setattr__(self, '_flat', padded.ravel().data)
        object.__setattr__(self, '_stride', padded.shape[1])

    def at(self, y: float, x: float) -> float:
        """Clearance of the pixel nearest to a point at most 10 pixels outside, where it is the other class' deepest."""
        return self._flat[int(y + (RIM + 0.5)) * self._stride + int(x + (RIM + 0.5))]


def draw_scribbles(
    mask: np.ndarray,
    rng: np.random.Generator,
    *,
    width: float | None = None,
    scribbles: tuple[int, int] = (1, 3),
    sloppiness: float = 0.0,
    max_fraction: float = MAX_FRACTION,
    allow_empty: bool = False,
) -> np.ndarray:
    """Draw scribbles on the object and on the background of any mask, synthetic or real.

    A scribble starts far from what is drawn already, keeps near the middle of its region, bends slowly and trembles a
    little; where the object has a hole or a bay, the second background scribble mostly goes there. There is at least one
    scribble of each class that has a pixel. By default none leaves its class: where a region is too narrow for the brush,
    the brush shrinks to what fits, at last to a single pixel.

    Args:
        mask: (H, W), bool or numbers; the object is where it is not 0.
        rng: Generator that is drawn from; only its ``random`` is used.
        width: Brush width in pixels; None draws one of 1.2 to 2.2 % of the shorter side, at least 2.
        scribbles: Least and greatest number of scribbles of a class.
        sloppiness: Pixels by which the hand misses: each scribble is shifted by a random vector of at most this length,
            and may cross the border of its class by as much, as some human scribbles do.
        max_fraction: The labelled fraction of all pixels stays below it (about 2.3 % is typical), unless the image is
            so small that one pixel of each class is more.
        allow_empty: Draw background scribbles only where the mask has no object, instead of raising.

    Returns:
        (H, W) uint8 as in S-DUTS: 0 unknown, 1 object, 2 background.

    Raises:
        DataError: The mask is not two-dimensional, has no pixel or no object, or an option is out of its range.
    """
    inside = _checked(mask, scribbles, sloppiness, max_fraction, allow_empty)
    shorter = min(inside.shape)
    brush = max(2.0, shorter * between(rng, 0.012, 0.022)) if width is None else float(width)
    if brush < 1:
        raise DataError(f'width is {width}; a scribble is at least 1 pixel wide.')
    limit = max(4, round(0.1 * shorter))
    clearance = _clearance(inside, limit)
    scribble = np.zeros(inside.shape, dtype=np.uint8)
    # The background first: where sloppy scribbles meet, the object's is on top.
    for code, distance, region in ((BACKGROUND, -clearance, ~inside), (OBJECT, clearance, inside)):
        if not region.any():
            continue
        clear = min(brush / 2 + 0.5, float(distance.max()))
        fitting, count = min(brush, max(1.0, 2 * clear - 1)), whole(rng, *scribbles)
        pockets: tuple[np.ndarray, np.ndarray] = (np.empty(0, int), np.empty(0, int))
        if code == BACKGROUND and chance(rng, 0.7):
            rows, columns = np.nonzero(_pockets(inside) & (distance >= clear))
            pockets = rows, columns
            count = max(count, min(2, scribbles[1])) if len(pockets[0]) else count
        ground = ScribbleRegion(distance, limit, clear, sloppiness, pockets)
        _draw_class(scribble, code, ground, rng, fitting, count, max(1.0, 0.5 * max_fraction * inside.size - 1))
        if sloppiness == 0:
            scribble[(scribble == code) & ~region] = UNKNOWN
    return scribble


def _checked(
    mask: np.ndarray, scribbles: tuple[int, int], sloppiness: float, max_fraction: float, allow_empty: bool
) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.ndim != 2 or mask.size == 0:
        raise DataError(f'a mask has the shape {mask.shape}; scribbles are drawn on (height, width), 1 pixel or more.')
    if not 1 <= scribbles[0] <= scribbles[1]:
        raise DataError(f'scribbles is {scribbles}; expected (least, greatest) with 1 <= least <= greatest.')
    if sloppiness < 0 or not 0 < max_fraction <= 1:
        raise DataError(
            f'sloppiness is {sloppiness} and max_fraction {max_fraction}; expected at least 0, and in (0, 1].'
        )
    if not mask.any() and not allow_empty:
        raise DataError(
            'the mask has no object pixel (all are 0), so no object scribble can be drawn; leave the image '
            'out, or pass allow_empty=True for background scribbles only.'
        )
    return mask != 0


def _clearance(inside: np.ndarray, limit: int) -> np.ndarray:
    """Signed distance to the other class, positive inside, cut off at ``limit`` pixels."""
    return _distance(inside, limit) - _distance(~inside, limit)


def _distance(region: np.ndarray, limit: int) -> np.ndarray:
    """Exact Euclidean distance of each pixel of a region to the nearest pixel outside it, up to ``limit``, else 0.

    Two passes: the squared distance is a minimum over columns of a squared distance along columns.
    """
    height, width = region.shape
    row = np.arange(height, dtype=np.int32)[:, None]
    above = row - np.maximum.accumulate(np.where(region, -limit, row), axis=0)
    below = np.minimum.accumulate(np.where(region, height + limit, row)[::-1], axis=0)[::-1] - row
    column = np.minimum(np.minimum(above, below), limit)
    # Sums of two squares of at most 180 fit into 16 bits, which is four times faster than 64.
    squared = (column * column).astype(np.uint16 if limit <= 180 else np.int64)
    best = squared.copy()
    for shift in range(1, min(limit, width - 1) + 1):
        near = squared + squared.dtype.type(shift * shift)
        np.minimum(best[:, shift:], near[:, :-shift], out=best[:, shift:])
        np.minimum(best[:, :-shift], near[:, shift:], out=best[:, :-shift])
    return np.sqrt(best, dtype=np.float32)


def _pockets(inside: np.ndarray) -> np.ndarray:
    """Background pixels with the object on all four sides: holes, and the depths of bays."""
    around = ~inside
    for axis in (0, 1):
        around &= np.logical_or.accumulate(inside, axis=axis)
        around &= np.flip(np.logical_or.accumulate(np.flip(inside, axis), axis=axis), axis)
    return around


def _draw_class(
    scribble: np.ndarray,
    code: int,
    ground: ScribbleRegion,
    rng: np.random.Generator,
    brush: float,
    count: int,
    budget: float,
) -> None:
    """Draw the scribbles of one class; together they cover at most ``budget`` pixels."""
    height, width = scribble.shape
    rows, columns = np.nonzero(ground.clearance >= ground.room)
    extent = min(float(np.hypot(np.ptp(rows), np.ptp(columns))), 1.5 * min(height, width))
    count = max(1, min(count, int(budget)))
    fraction = max(1, int(budget / count))
    diameter = min(brush, max(1.0, fraction**0.5))
    length = min(extent * between(rng, 0.35, 0.6), fraction / (diameter + 0.5))
    drawn = np.empty((0, 2))
    for number in range(count):
        places = ground.pockets if number == 1 and len(ground.pockets[0]) else (rows, columns)
        start = _start(ground, places, drawn, rng)
        path = _walk(ground, start, length * between(rng, 0.7, 1.0), rng)
        drawn = np.concatenate([drawn, path])
        _stamp(scribble, code, path, diameter / 2, fraction)


def _start(
    ground: ScribbleRegion, places: tuple[np.ndarray, np.ndarray], drawn: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """A pixel well inside the region and far from the scribbles so far, out of some random ones."""
    picks = (rng.random(24) * len(places[0])).astype(int)
    y, x = places[0][picks], places[1][picks]
    height, width = ground.clearance.shape
    margin = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    score = (ground.clearance[y, x] + np.minimum(margin, ground.limit)) / (2 * ground.limit)
    if len(drawn):
        points = drawn[::4]
        gap = np.hypot(y[:, None] - points[:, 0], x[:, None] - points[:, 1]).min(axis=1)
        score = score + 1.5 * gap / max(height, width)
    best = int(np.argmax(score))
    return float(y[best]), float(x[best])


def _walk(ground: ScribbleRegion, start: tuple[float, float], length: float, rng: np.random.Generator) -> np.ndarray:
    """Points (n, 2) as y, x, one pixel apart, of a walk whose heading drifts and that turns where it gets narrow."""
    y, x = start
    looks = (rng.random(5) * 6.2832).tolist()
    heading = max(looks, key=lambda way: min(ground.at(y + r * sin(way), x + r * cos(way)) for r in LOOKS))
    path, drift = [(y, x)], 0.0
    for shake in rng.random(int(length / STEP)).tolist():
        drift = 0.75 * drift + 0.25 * (shake - 0.5)
        turned = _turn(ground, y, x, heading + drift)
        if turned is None:
            break
        heading, dy, dx = turned
        path.append((y + 0.5 * dy, x + 0.5 * dx))
        y, x = y + dy, x + dx
        path.append((y, x))
    if ground.sloppiness > 0:
        miss, direction = ground.sloppiness * float(rng.random()), 6.2832 * float(rng.random())
        shifted = np.array(path) + (miss * sin(direction), miss * cos(direction))
        return np.clip(shifted, 0, np.array(ground.clearance.shape) - 1)
    return np.array(path)


def _turn(ground: ScribbleRegion, y: float, x: float, onward: float) -> tuple[float, float, float] | None:
    """Heading and step (dy, dx) that keep to the middle with as little turning as possible; None in a dead end."""
    cap, best, chosen = 0.5 * ground.limit, -math.inf, None
    for turn in TURNS:
        way = onward + turn
        dy, dx = STEP * sin(way), STEP * cos(way)
        near = ground.at(y + dy, x + dx)
        if near < ground.room or ground.at(y + 0.5 * dy, x + 0.5 * dx) < ground.room:
            continue
        far = ground.at(y + AHEAD * dy, x + AHEAD * dx)
        gain = min(near, cap) + 0.7 * min(far, cap) - 1.2 * abs(turn)
        if gain > best:
            best, chosen = gain, (way, dy, dx)
        if near >= cap and far >= cap:
            # The turns are ordered by size: no later one can gain more.
            break
    return chosen


def _stamp(scribble: np.ndarray, code: int, path: np.ndarray, radius: float, most: int) -> None:
    """Set the first ``most`` pixels whose centre is within ``radius`` of the path, and the path's own pixels."""
    height, width = scribble.shape
    reach = int(np.ceil(radius))
    span = np.arange(-reach, reach + 1)
    middle = np.rint(path).astype(int)
    rows = middle[:, 0, None, None] + span[:, None]
    columns = middle[:, 1, None, None] + span[None, :]
    near = (rows - path[:, 0, None, None]) ** 2 + (columns - path[:, 1, None, None]) ** 2 <= radius * radius
    near |= (rows == middle[:, 0, None, None]) & (columns == middle[:, 1, None, None])
    near &= (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    pixels, first = np.unique((rows * width + columns)[near], return_index=True)
    scribble.ravel()[pixels[np.argsort(first)[:most]]] = code
