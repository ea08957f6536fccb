"""IoU of labels that optical flow carries from one frame of a real video to another one.

    python benchmarks/learning/flow_labels.py DATA [--gaps 4 8 16 24] [--estimators dis farneback raft] [--step 1]

DATA: folders of videos with masks, in any layout, or a folder of such folders. Nothing is trained. The label of frame k - gap
is read at p + flow(p) of frame k, as the generator of RCRNet does, cut at one half and compared with the label of frame k;
objects of a video are one foreground. Rows: the label as it is (copying); the flow between both frames (direct); flow
composed of steps over the frames between (chained); each also with the forward-backward check, pixels that fail being
background (checked). Means over pairs, then over videos; in brackets the number of videos. A second table: how often the
label is wrong where the check passes and where it fails, and the fraction of pixels that fail. An estimator whose weights
are not here has a row that says so.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from salseg.datasets.flow import FlowChain, FlowEstimator, build_estimator
from salseg.datasets.flow.base import ESTIMATORS
from salseg.datasets.video_layout import Video, find_videos, known_videos
from salseg.errors import WeightsError
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image
from salseg.ops import consistent_flow, warp

# Row and gap to the values of each video's pairs.
Found = dict[tuple[str, int], dict[str, list[float]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path)
    parser.add_argument('--gaps', type=int, nargs='+', default=[4, 8, 16, 24])
    parser.add_argument('--estimators', nargs='+', choices=list(ESTIMATORS), default=['dis', 'farneback', 'raft'])
    parser.add_argument('--step', type=int, nargs='+', default=[1], help='frames of a step of a chain')
    parser.add_argument('--pairs', type=int, default=4, help='of each video and gap, evenly over the video')
    parser.add_argument('--out', type=Path, help='folder for the results as JSON')
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    videos = list(sequences(args.data))
    if not videos:
        print(f'{args.data} holds no videos with labels')
        return 2
    found, away = {}, {}
    for video in videos:
        measure('copying', video, None, args, found)
    for name in args.estimators:
        try:
            estimator = build_estimator(name)
        except WeightsError as error:
            away[name] = f'not here: {str(error)[str(error).index("`salseg weights get") :].partition(", or")[0]}'
            continue
        for video in videos:
            measure(name, video, estimator, args, found)
    show(found, away, args.gaps)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / 'results.json').write_text(
            json.dumps({f'{row}, {gap}': part for (row, gap), part in found.items()})
        )
    return 0


def sequences(data: Path) -> Iterator[Video]:
    """Videos with labels in a folder or in the folders in it."""
    for root in [data, *sorted(path for path in data.iterdir() if path.is_dir())]:
        if known_videos(root):
            # SegTrack's name; the others are layouts that salseg knows.
            labels = 'GroundTruth/{video}' if (root / 'GroundTruth').is_dir() else None
            yield from find_videos(root, label_folder=labels)


def measure(name: str, video: Video, estimator: FlowEstimator | None, args: argparse.Namespace, found: Found) -> None:
    """All rows of an estimator, or copying, on one video."""
    image = lru_cache(None)(lambda index: read_image(video.frames[index]))
    chains: dict[str, Callable[[int], FlowChain]] = {}
    if estimator is not None:
        # Steps of the chains are common to all gaps; those of the direct form are computed for each pair.
        chains = {'direct': lambda gap: FlowChain(estimator, image, gap)}
        for step in args.step:
            chain = FlowChain(estimator, image, step, kept=4 * len(video.frames))
            chains['chained' if step == 1 else f'chained by {step}'] = lambda gap, chain=chain: chain
    for gap in args.gaps:
        for first in starts(video, gap, args.pairs):
            given, truth = label(video, first), label(video, first + gap)

            def note(row: str, value: float, gap: int = gap) -> None:
                found.setdefault((row, gap), {}).setdefault(video.name, []).append(value)

            if estimator is None:
                note(name, iou(given, truth))
            for form, chain in chains.items():
                carried(f'{name}, {form}', chain(gap), (first, first + gap), given, truth, note)


def carried(
    row: str,
    chain: FlowChain,
    ends: tuple[int, int],
    given: Tensor,
    truth: Tensor,
    note: Callable[[str, float], None],
) -> None:
    """One label warped along one flow, without and with the check."""
    first, second = ends
    there, back = (
        torch.from_numpy(chain(*way)[0]).permute(2, 0, 1)[None] for way in ((second, first), (first, second))
    )
    warped, passes = warp(given, there), consistent_flow(there, back)
    note(row, iou(warped, truth))
    note(f'{row}, checked', iou(warped * passes, truth))
    wrong = (warped >= 0.5) != (truth >= 0.5)
    note(f'{row}: wrong where it passes', fraction(wrong & passes, passes))
    note(f'{row}: wrong where it fails', fraction(wrong & ~passes, ~passes))
    note(f'{row}: fails', fraction(~passes, torch.ones_like(passes)))


def starts(video: Video, gap: int, most: int) -> list[int]:
    """Up to so many labelled frames whose frame a gap later is labelled too."""
    labelled = set(video.labelled)
    able = [index for index in video.labelled if index + gap in labelled]
    return [able[index] for index in sorted({round(at) for at in np.linspace(0, len(able) - 1, most)})] if able else []


def label(video: Video, index: int) -> Tensor:
    """Foreground of a frame, (1, 1, H, W) of 0 and 1."""
    return torch.from_numpy(np.asarray(read_annotation(video.labels[index], 'union') == 1, np.float32))[None, None]


def iou(found: Tensor, truth: Tensor) -> float:
    """Of two masks cut at one half; 1 where both are empty."""
    found, truth = found >= 0.5, truth >= 0.5
    return fraction(found & truth, found | truth, empty=1.0)


def fraction(part: Tensor, whole: Tensor, empty: float = 0.0) -> float:
    """Pixels of one mask as a fraction of those of another one."""
    count = int(whole.sum())
    return int(part.sum()) / count if count else empty


def show(found: Found, away: dict[str, str], gaps: Sequence[int]) -> None:
    """Both tables."""
    rows = list(dict.fromkeys(row for row, _ in found))
    print('| label | ' + ' | '.join(f'gap {gap} ({len(found.get(("copying", gap), {}))})' for gap in gaps) + ' |')
    print('|---' * (len(gaps) + 1) + '|')
    for row in rows:
        if ': ' not in row:
            line(row, found, gaps)
    for name, reason in away.items():
        print(f'| {name} | {reason} |' + ' |' * (len(gaps) - 1))
    print('\n| check | ' + ' | '.join(f'gap {gap}' for gap in gaps) + ' |\n' + '|---' * (len(gaps) + 1) + '|')
    for row in rows:
        if ': ' in row:
            line(row, found, gaps)


def line(row: str, found: Found, gaps: Sequence[int]) -> None:
    """A row: the mean over videos of the means over pairs."""
    parts = [found.get((row, gap), {}) for gap in gaps]
    cells = [f'{np.mean([np.mean(values) for values in part.values()]):.3f}' if part else '-' for part in parts]
    print(f'| {row} | ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    sys.exit(main())
