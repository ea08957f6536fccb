"""XMem follows a long video while objects come and go: what it holds and what a frame costs must not grow.

    python benchmarks/speed/bounded_tracking.py [--frames 2000] [--size 240 432]

A synthetic video with the lite model, untrained: what is measured does not depend on the weights. A drawn video of 200
frames is played forth and back. Object 1 is given in the first frame and corrected in frame 250; frames 30 and 130 are
permanent; 2 and 3 come and are removed again in every hundred frames. Long-term memory is so small that both stores are full
by frame 500. Prints for every hundred frames the processor time of a frame (median), the largest numbers of stored
positions, the largest size of the state, and the largest resident memory of the process. Exits with 1 if a bound of the
documentation is passed, a store is not full by frame 500, memory grows by more than 10 MB afterwards, a key or value of a
permanent frame has changed or gone at the end, or a frame takes more than 1.3 times as long at the end as around frame 500.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from measure import resident_mb, use_one_thread

from salseg.apis import Prompt, Propagator, init_model
from salseg.datasets.synthetic.videos import SyntheticFrame, draw_video

CONFIG = Path(__file__).resolve().parents[2] / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py'
WINDOW, FULL_BY, GROWTH_MB, SLOWER = 100, 500, 10.0, 1.3
LONG_TERM = 1024
# Object: frames of each window at which it is given and removed.
VISITS = {2: (20, 50), 3: (40, 70)}
DRAWN = 200
PERMANENT, CORRECTED = (30, 130), 250
COLUMNS = ('working', 'long_term', 'values', 'sensory')


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow, print a row per window; 0 if everything is bounded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=2000, help='at least 500 for the bars on growth to be checked')
    parser.add_argument('--size', type=int, nargs=2, default=(240, 432), metavar=('HEIGHT', 'WIDTH'))
    args = parser.parse_args(arguments)
    use_one_thread()
    length = min(DRAWN, args.frames)
    drawn = draw_video(0, 'bounded', 0, length=length, size=tuple(args.size), objects=3, max_step=2, leaving=False)
    video = [frame for frame, _ in zip(back_and_forth(list(drawn)), range(args.frames))]
    options = [f'model.memory.max_long_term={LONG_TERM}', f'model.shorter_side={min(args.size)}']
    tracker = Propagator(init_model(str(CONFIG), device='cpu', options=options), random_weights=True)
    print(
        f'{"frames":>12} {"ms/frame":>9}'
        + ''.join(f'{name:>10}' for name in COLUMNS)
        + f'{"state MB":>10} {"RSS MB":>8}'
    )
    rows, failures = [], []
    kept: Kept = {}
    for number, row in enumerate(windows(tracker, video, kept)):
        first = number * WINDOW
        print(f'{first:>5} - {first + WINDOW - 1:>4} {line(row)}', flush=True)
        rows.append(row)
        failures += [f'frames from {first}: {what}' for what in passed_bounds(row)]
    failures += growth(rows) + changed(tracker, kept)
    print(
        f'permanent frames unchanged at the end: {", ".join(str(n) for n in kept if not changed(tracker, {n: kept[n]}))}'
    )
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def back_and_forth(frames: list[SyntheticFrame]) -> Iterator[SyntheticFrame]:
    """Frames without end, in time and against it by turns."""
    while True:
        yield from frames
        yield from frames[-2:0:-1]


Kept = dict[int, tuple[torch.Tensor, torch.Tensor]]


def rows_of_frame(tracker: Propagator, number: int) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Keys and object 1's values of a frame in working memory; None where it is not there."""
    memory = tracker.state.memory
    if number not in memory.frames:
        return None
    start = memory.long + memory.frames.index(number) * memory.frame_rows
    group = next(group for group in memory.groups if 1 in group.ids)
    own = (group.rows >= start) & (group.rows < start + memory.frame_rows)
    values = group.values[own][:, group.ids.index(1)].clone()
    return memory.columns.keys[start : start + memory.frame_rows].clone(), values


def changed(tracker: Propagator, kept: Kept) -> list[str]:
    """Permanent frames whose keys or values are not those that were stored."""
    found = []
    for number, stored in kept.items():
        now = rows_of_frame(tracker, number)
        if now is None or not all(torch.equal(a, b) and len(a) for a, b in zip(stored, now)):
            found.append(f'permanent frame {number} is {"gone" if now is None else "changed"}')
    return found


def windows(tracker: Propagator, video: Sequence[SyntheticFrame], kept: Kept) -> Iterator[dict[str, float]]:
    """Medians and maxima of a hundred frames each."""
    seen: list[dict[str, float]] = []
    for number in range(len(video)):
        seen.append(one_frame(tracker, video, number, kept))
        if len(seen) == WINDOW or number == len(video) - 1:
            row = {name: max(frame[name] for frame in seen) for name in seen[0]}
            row['ms'] = float(np.median([frame['ms'] for frame in seen]))
            yield row
            seen = []


def one_frame(tracker: Propagator, video: Sequence[SyntheticFrame], number: int, kept: Kept) -> dict[str, float]:
    """Answer a frame and look at what is held."""
    frame = video[number]
    present = {i: frame.labels == i for i in (1, *VISITS) if (frame.labels == i).any()}
    given = {i: m for i, m in present.items() if number in (0, CORRECTED) and i not in VISITS}
    for index, (comes, goes) in VISITS.items():
        if number % WINDOW == comes and index in present:
            given[index] = present[index]
        if number % WINDOW == goes and index in tracker.object_ids:
            tracker.remove_objects([index])
    prompt = Prompt.from_masks(given) if given else None
    started = time.process_time()
    tracker.step(frame.image, prompt, permanent=number in PERMANENT)
    spent = time.process_time() - started
    if number in (0, CORRECTED, *PERMANENT):
        stored = rows_of_frame(tracker, number)
        assert stored is not None
        kept[number] = stored
    held = tracker.memory
    anchors = len(tracker.state.memory.groups) + len(tracker.state.memory.permanent)
    counts = {'anchors': anchors, 'objects': len(tracker.object_ids), 'positions': positions(tracker)}
    return {'ms': spent * 1e3, **counts, **held.elements, 'state': held.bytes / 1e6, 'rss': resident_mb()}


def positions(tracker: Propagator) -> int:
    """Positions of one frame at stride 16."""
    return tracker.state.memory.frame_rows


def passed_bounds(row: dict[str, float]) -> list[str]:
    """Bounds of projects/xmem/README.md that do not hold."""
    limit = (10 - 1 + row['anchors']) * row['positions']
    found = []
    if row['working'] > limit:
        found.append(f'{row["working"]} positions in working memory, at most {limit} are allowed')
    if row['long_term'] > LONG_TERM:
        found.append(f'{row["long_term"]} positions in long-term memory, at most {LONG_TERM} are allowed')
    if row['sensory'] > row['objects'] * row['positions']:
        found.append(f'{row["sensory"]} positions in sensory memory of {row["objects"]} objects')
    return found


def growth(rows: list[dict[str, float]]) -> list[str]:
    """What is not full by frame 500, or grows after it."""
    before, after = rows[: FULL_BY // WINDOW], rows[FULL_BY // WINDOW :]
    if not after:
        return []
    base = before[-1]
    full = dict(working=max(r['working'] for r in rows), long_term=LONG_TERM)
    reached = {name: max(row[name] for row in before) for name in full}
    found = [f'{name} is not full by frame {FULL_BY}' for name, size in full.items() if reached[name] < size]
    for name in ('state', 'rss'):
        more = max(row[name] for row in after) - base[name]
        print(f'{name}: {more:+.1f} MB from frame {FULL_BY} on (asked <= {GROWTH_MB:g})')
        if more > GROWTH_MB:
            found.append(f'{name} grows by {more:.1f} MB')
    ratio = after[-1]['ms'] / base['ms']
    print(f'time of a frame: {ratio:.2f} of that around frame {FULL_BY} (asked <= {SLOWER:g})')
    return [*found, *([f'a frame takes {ratio:.2f} times as long at the end'] if ratio > SLOWER else [])]


def line(row: dict[str, float]) -> str:
    """A row of the table without its first column."""
    counts = ''.join(f'{int(row[name]):>10}' for name in COLUMNS)
    return f'{row["ms"]:9.1f}{counts}{row["state"]:>10.2f} {row["rss"]:>8.1f}'


if __name__ == '__main__':
    with torch.no_grad():
        sys.exit(main())
