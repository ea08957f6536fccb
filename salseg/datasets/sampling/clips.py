"""Which frames of a video make a clip: pure functions on indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class ClipPlan:
    """Clips of one video.

    Attributes:
        clips: Frame indices of each clip, in time.
        length: Frames in each clip.
        spacing: Frames from one entry of the list to the next, by the nominal interval.
        labelled: Frames that keep their label.
    """

    clips: list[list[int]]
    length: int
    spacing: int
    labelled: list[int]


Short = Literal['repeat', 'skip']


def windows(
    positions: Sequence[int], length: int, step: int, repeat_exact: bool = False, short: Short = 'repeat'
) -> list[list[int]]:
    """Runs of ``length`` entries, starting every ``step``; what is left over gets a run of the last entries.

    Args:
        positions: In time.
        length: Of a run.
        step: Between starts.
        repeat_exact: Add the last run also where the runs end exactly with the list, if they overlap: the released code
            of RCRNet then gives the last clip twice.
        short: A list shorter than a run is filled up with its last entry ('repeat') or gives no run ('skip').

    Raises:
        ValueError: There is no position, or length or step is below 1.
    """
    if not positions or length < 1 or step < 1:
        raise ValueError(f'windows needs positions, length and step of at least 1: {len(positions)}, {length}, {step}.')
    if len(positions) < length and short == 'skip':
        return []
    entries = list(positions) + [positions[-1]] * (length - len(positions))
    clips, start = [], 0
    while start + length <= len(entries):
        clips.append(entries[start : start + length])
        start += step
    covered = start - step + length >= len(entries)
    if start < len(entries) and (repeat_exact or not covered):
        clips.append(entries[-length:])
    return clips


def clip_indices(
    num_frames: int,
    labels: Sequence[int],
    *,
    length: int,
    label_interval: int = 1,
    nominal_interval: int = 1,
    between: int = 0,
    training: bool = True,
    spacing: Literal['released', 'even'] = 'released',
    short: Short = 'repeat',
) -> ClipPlan:
    """Clips over the labelled frames and some frames between them.

    Args:
        num_frames: Of the video.
        labels: Indices of its annotated frames, ascending.
        length: Frames of a clip; with ``between`` it is ``between + 2`` instead.
        label_interval: In training keep every so-manieth annotation (l).
        nominal_interval: Frames between annotations of the data set (d): 1 for DAVIS and FBMS, 15 for VOS.
        between: Unlabelled frames per kept interval (m).
        training: Training clips share one frame, and the last may come twice; in inference all annotations are kept and
            clips do not overlap, but for the last.
        spacing: 'released' puts the frames between at multiples of floor(l d / (m + 1)) after a kept label, wherever
            the next one is; 'even' divides the way to the next kept label.
        short: See `windows`. 'repeat', as the released code, gives a generator triplets whose target is its neighbour.

    Raises:
        ValueError: There is no annotation, as many frames between labels as the interval has, or a frame beyond the
            video.
    """
    if not labels:
        raise ValueError('a video without annotated frames gives no clips.')
    if between >= label_interval * nominal_interval:
        raise ValueError(
            f'between={between} frames do not fit below the interval of {label_interval} x {nominal_interval} frames.'
        )
    kept = list(labels[::label_interval] if training else labels)
    step = label_interval * nominal_interval // (between + 1)
    entries: list[int] = []
    for start, end in pairwise(kept):
        entries.append(start)
        entries += (
            [start + step * i for i in range(1, between + 1)]
            if spacing == 'released'
            else even_positions(start, end, between)
        )
    entries.append(kept[-1])
    if max(entries) >= num_frames or min(entries) < 0:
        raise ValueError(
            f'frame {max(entries)} is beyond the {num_frames} frames; annotations are not {nominal_interval} apart.'
        )
    length = between + 2 if between else length
    # A clip of one frame has none to share.
    overlap = max(1, length - 1) if training else length
    return ClipPlan(windows(entries, length, overlap, training, short), length, step, kept)


def even_positions(start: int, end: int, count: int) -> list[int]:
    """Up to ``count`` frames strictly between two, as evenly as whole frames allow."""
    gap = end - start
    if count >= gap - 1:
        return list(range(start + 1, end))
    return [start + (2 * gap * i + count + 1) // (2 * (count + 1)) for i in range(1, count + 1)]


def triplet_indices(
    kept: Sequence[int], between: int, interval: int, spacing: Literal['even', 'released'] = 'even'
) -> list[tuple[int, int, int]]:
    """(left label, frame to be labelled, right label) of every frame between kept labels.

    Args:
        kept: Labelled frames, ascending; frames after the last get no label.
        between: Frames per interval (m).
        interval: Frames from one kept label to the next by the data set's nominal interval (l d); read by 'released'
            only.
        spacing: See `clip_indices`. Positions of 'released' that do not lie between the labels are left out.

    Raises:
        ValueError: ``between`` is negative or, with 'released', not below the interval.
    """
    if between < 0 or (spacing == 'released' and between >= interval):
        raise ValueError(f'between={between} must not be negative and lie below the interval of {interval} frames.')
    triplets = []
    for left, right in pairwise(kept):
        if spacing == 'even':
            positions = even_positions(left, right, between)
        else:
            positions = [left + interval // (between + 1) * i for i in range(1, between + 1)]
        triplets += [(left, middle, right) for middle in positions if left < middle < right]
    return triplets


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


def stratified_clip(count: int, length: int, gap: int, rng: np.random.Generator) -> list[int]:
    """Frames in time from the whole video: one from each of ``length`` equal parts of it, uniform in the part.

    Args:
        count: Frames of the video.
        length: Of the clip.
        gap: Not read: parts decide how far frames lie apart.
        rng: Drawn from once per part.

    Raises:
        ValueError: The video has fewer frames than the clip.
    """
    _check(count, length)
    edges = [part * count // length for part in range(length + 1)]
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]


def _check(count: int, length: int) -> None:
    if count < length or length < 1:
        raise ValueError(f'a video of {count} frames gives no clip of {length}.')
