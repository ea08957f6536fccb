"""Objects found without a prompt, on synthetic videos: `salseg track --find` beside what needs no finding.

    python benchmarks/learning/find_objects.py [--seeds 0 1 2] [--iterations 600] [--saliency salseg-demo]

Each seed has a tracker of its own (XMem, as boxes.py trains it from masks; ``--trackers`` takes the folder of boxes.py) and
videos of its own. Four kinds of video: one object as the generator draws it (plain); an object that enters after eight frames
(late); one object, and in the first eight frames a thing of stronger colour that crosses the image and is no object
(distractor); two objects that do not look alike (two). Beside the row that finds stand the saliency map of each frame, cut at
a half; the map of the first frame, tracked; a centre prior; and, as a bound, the true first mask tracked. J of DAVIS 2016 over
all frames, all objects together; for two objects also J of DAVIS 2017 unsupervised. Prints every seed, mean and worst, and what
must hold.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from boxes import CONFIGS, MASKS, schedule
from tracking import Claim, TestVideo, follow, keep, learned, print_rows, report

from salseg.apis import FindRules, ObjectFinder, Prompt, Propagator, SaliencyPredictor, find_objects, init_model, track
from salseg.datasets.synthetic import centre_prior
from salseg.datasets.synthetic.videos import SyntheticVideo, draw_video
from salseg.errors import DataError
from salseg.evaluation.functional.davis import single_object, unsupervised
from salseg.io.annotations import read_annotation
from salseg.io.images import write_png

SIZE, LENGTH, LATE = 96, 24, 8
SCENE = dict(size=SIZE, occluders=0, leaving=False, max_step=4.0)
SALIENCY = Path(__file__).resolve().parents[2] / 'projects/scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
FULL_MASKS = [
    'train_dataloader.dataset.labels=mask', 'model.losses.lsc=None', 'model.losses.ssc=None',
    'model.extra_passes.rescaled=None', 'default_hooks.checkpoint.interval=50',
]  # fmt: skip
BESIDE = ('saliency per frame', 'first map tracked', 'centre prior')


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the trackers, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/find_objects')
    parser.add_argument('--trackers', help='folder with masks_<iterations>_<seed>; by default --out')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--saliency', default='salseg-demo', help="a saliency model, or 'train' for scwssod-lite from masks"
    )
    parser.add_argument('--saliency-iterations', type=int, default=240)
    parser.add_argument('--videos', type=int, default=4, help='of each kind and seed')
    parser.add_argument('--every', type=int, default=4, help='frames between two looks')
    parser.add_argument('--kinds', nargs='+', default=list(KINDS), choices=list(KINDS))
    args = parser.parse_args(arguments)
    saliency = saliency_model(args)
    results: dict[str, list] = {}
    for seed in args.seeds:
        started = time.monotonic()
        folder = Path(args.trackers or args.out) / f'masks_{args.iterations}_{seed}'
        options = schedule(MASKS, args.iterations, seed)
        tracker = learned(CONFIGS / MASKS, folder, args.iterations, options, from_scratch=True)
        for kind in args.kinds:
            rows = [answers(KINDS[kind](seed, number), tracker, saliency, args) for number in range(args.videos)]
            for name in rows[0]:
                mean = {key: float(np.mean([row[name][key] for row in rows])) for key in rows[0][name]}
                results.setdefault(f'{kind}: {name}', []).append(mean)
                numbers = ' '.join(f'{key} {value:.3f}' for key, value in mean.items())
                print(f'seed {seed}, {kind}: {name}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
            keep(results, Path(args.out))
    print_rows(results, ('j', 'unsup_j'))
    return report(claims(results, args.kinds))


def saliency_model(args: argparse.Namespace) -> Any:
    """The saliency model that proposes."""
    if args.saliency != 'train':
        return init_model(args.saliency, device='cpu')
    count = args.saliency_iterations
    options = [f'train_cfg.max_iters={count}', 'randomness.seed=0', *FULL_MASKS]
    return learned(SALIENCY, Path(args.out) / f'saliency_{count}', count, options, from_scratch=True)


def plain(seed: int, number: int) -> TestVideo:
    """One object."""
    return _window(draw_video(seed, 'find-plain', number, length=LENGTH, objects=1, look_alikes=False, **SCENE), 0)


def late(seed: int, number: int) -> TestVideo:
    """One object that enters after some frames."""
    video = draw_video(seed, 'find-late', number, length=200, objects=1, look_alikes=False, late=True, **SCENE)
    enters = next(t for t in range(len(video)) if (video.labels(t) > 0).any())
    return _window(video, max(0, min(enters - LATE, len(video) - LENGTH)))


def distractor(seed: int, number: int) -> TestVideo:
    """One object; a thing that stands out more than it crosses the image in the first frames."""
    video = plain(seed, 1000 + number)
    other = draw_video(seed, 'find-thing', number, length=1, objects=1, look_alikes=False, **SCENE).frame(0)
    thing, mean = other.labels > 0, video.frames[0].mean((0, 1))
    colours = np.clip(mean + 2.5 * (other.image - mean), 0, 255).astype(np.uint8)
    frames, labels = [], []
    for place, (image, truth) in enumerate(zip(video.frames, video.labels)):
        shift = place * SIZE // LATE
        over = np.zeros_like(thing)
        over[:, shift:] = thing[:, : max(0, SIZE - shift)]
        frames.append(np.where(over[..., None], np.roll(colours, shift, 1), image))
        labels.append(np.where(over, 0, truth).astype(np.uint8))
    return TestVideo(video.name, frames, labels)


def two(seed: int, number: int) -> TestVideo:
    """Two objects that do not look alike."""
    return _window(draw_video(seed, 'find-two', number, length=LENGTH, objects=2, look_alikes=False, **SCENE), 0)


def _window(video: SyntheticVideo, start: int) -> TestVideo:
    drawn = [video.frame(t) for t in range(start, start + LENGTH)]
    return TestVideo('video', [frame.image for frame in drawn], [frame.labels for frame in drawn])


KINDS: dict[str, Callable[[int, int], TestVideo]] = dict(plain=plain, late=late, distractor=distractor, two=two)


def answers(video: TestVideo, tracker: Any, saliency: Any, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Scores of all rows on one video."""
    maps = [found.saliency >= 128 for found in SaliencyPredictor(saliency)(video.frames)]
    nothing = [np.zeros((SIZE, SIZE), np.uint8)] * LENGTH
    prompt = next((number for number, labels in enumerate(video.labels) if labels.any()), 0)
    true = Prompt.from_labels(video.labels[prompt])
    first = follow(tracker)(video, Prompt.from_masks({1: maps[0]})) if maps[0].any() else nothing
    bound = TestVideo(video.name, video.frames[prompt:], video.labels[prompt:])
    rows = {
        'found': found(video, tracker, saliency, args.every),
        'saliency per frame': maps,
        'first map tracked': first,
        'centre prior': [centre_prior(SIZE, SIZE) >= 0.5] * LENGTH,
        'true mask tracked': [*nothing[:prompt], *follow(tracker)(bound, true)],
    }
    return {name: scores(video, [np.asarray(labels, np.uint8) for labels in rows[name]]) for name in rows}


def found(video: TestVideo, tracker: Any, saliency: Any, every: int) -> list[np.ndarray]:
    """Labels of what is found and tracked, as the command writes them."""
    propagator = Propagator(tracker)
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / 'frames'
        for number, image in enumerate(video.frames):
            write_png(frames / f'{number:05d}.png', image, durable=False)
        try:
            prompts = find_objects(ObjectFinder(propagator, saliency, FindRules(every=every)), frames)
        except DataError:
            return [np.zeros((SIZE, SIZE), np.uint8)] * len(video.frames)
        made = track(propagator, frames, prompts, Path(folder) / 'out', overlay=False, state_every=0, backward=True)
        return [read_annotation(path, 'index') for path in sorted(Path(made.masks).glob('*.png'))]


def scores(video: TestVideo, labels: Sequence[np.ndarray]) -> dict[str, float]:
    """J over all frames, of all objects together and of each with its own."""
    values = dict(j=float(single_object(video.labels, labels, skip_first_last=False).region.mean()))
    if len(np.unique(video.labels[0])) > 2:
        values['unsup_j'] = float(unsupervised(video.labels, labels).region.mean())
    return values


def claims(results: dict[str, list[dict[str, float]]], kinds: Sequence[str]) -> Iterator[Claim]:
    """What must hold on the worst seed."""
    for kind in kinds:
        for name in BESIDE:
            pairs = zip(results[f'{kind}: found'], results[f'{kind}: {name}'])
            yield f'{kind}, J more than {name}', min(row['j'] - other['j'] for row, other in pairs), 0.05


if __name__ == '__main__':
    sys.exit(main())
