"""Which frames of a video a training clip has, for tracking objects."""

from collections.abc import Sequence

import numpy as np


def frame_gap(draw: int, total: int, schedule: Sequence[tuple[float, int]]) -> int:
    """Largest gap between frames at a draw: a curriculum that depends on the draw's number and on nothing else.

    Args:
        draw: Number of the draw, from 0.
        total: Draws of the training; later draws keep the last gap.
        schedule: (fraction of the draws, gap from there on), ascending, the first one 0. XMem's is
            ``((0, 5), (0.1, 10), (0.3, 15), (0.9, 5))``.

    Raises:
        ValueError: The schedule does not begin with 0, does not ascend, or has a gap below 1.
    """
    starts = [start for start, _ in schedule]
    if not starts or starts[0] != 0 or starts != sorted(starts) or min(gap for _, gap in schedule) < 1:
        raise ValueError(f'the schedule {schedule} must begin with fraction 0, ascend, and have gaps of at least 1.')
    return [gap for start, gap in schedule if draw >= start * total][-1]


def spread_clip(count: int, length: int, gap: int, rng: np.random.Generator) -> list[int]:
    """Frames that lie near each other, in time (XMem, released code).

    A first frame is drawn; each further one is drawn from those at most ``gap`` away from any drawn before.

    Raises:
        ValueError: The video has fewer frames than the clip.
    """
    _check(count, length)
    near = np.zeros(count, bool)
    taken = np.zeros(count, bool)
    number = int(rng.integers(count))
    for place in range(length):
        if place:
            number = int(rng.choice(np.flatnonzero(near & ~taken)))
        taken[number] = True
        near[max(0, number - gap) : number + gap + 1] = True
    return np.flatnonzero(taken).tolist()


def forward_clip(count: int, length: int, gap: int, rng: np.random.Generator) -> list[int]:
    """Frames in time with up to ``gap`` frames skipped between two of them (NPMCA-net, thesis section 3.4).

    Each gap is drawn on its own; where the video is too short for them, they are shortened alike.

    Raises:
        ValueError: The video has fewer frames than the clip.
    """
    _check(count, length)
    most = min(gap, (count - 1) // (length - 1) - 1) if length > 1 else 0
    places = np.concatenate([[0], np.cumsum(1 + rng.integers(0, most + 1, length - 1))])
    return (places + rng.integers(count - places[-1])).tolist()


def _check(count: int, length: int) -> None:
    if count < length or length < 1:
        raise ValueError(f'a video of {count} frames gives no clip of {length}.')
