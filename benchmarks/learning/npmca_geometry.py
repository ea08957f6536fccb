"""NPMCA-net's two stages with clips that keep the form of what they show, against stretched ones.

    python benchmarks/learning/npmca_geometry.py [--seeds 0 1 2] [--iterations 200 400]

Both geometries begin with the same weights, written to one file per seed, and have the same networks, images, videos, seeds
and steps; so many iterations of stage 1, then of stage 2. Stretched is what resizing to the clip's 64 x 112 gives
without a thought of the form: in stage 1 whole images, upright or lying, are resized; in stage 2 windows about as wide as
high. Test videos come from a split that no training saw, and are as wide as those of DAVIS; J and F from the second frame
on. `j, wide test` is J on the same videos 1.44 times as wide, about the median of stage 2's stretching. Beside them stand
the first mask left where it was, and on the same weights the previous mask blanked for the target encoder. A part that is
finished is taken from the folder, a training that was killed continues. Prints every seed, then mean and worst.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from npmca import without_previous_mask
from tracking import (
    SCENE,
    Claim,
    TestVideo,
    follow,
    keep,
    learned,
    measured,
    print_rows,
    report,
    score,
    short_run,
    stand_still,
    synthetic_videos,
)

from salseg.datasets.transforms import RandomResizedCrop
from salseg.engine.config import load_config
from salseg.ops.fingerprint import weights_fingerprint
from salseg.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'projects/npmca_net/configs'
STAGES = [CONFIGS / f'npmca-net_lite0_paper-stage{number}_synthetic-64x112.py' for number in (1, 2)]
CLIP, VIDEO, BATCH = (64, 112), (72, 128), 4
DATA = 'train_dataloader.dataset'
# Width by height of a window over that of the clip: windows from 3/4 to 4/3, resized to 64 x 112.
ASPECTS = dict(right=(1.0, 1.0), stretched=(0.75 * CLIP[0] / CLIP[1], 4 / 3 * CLIP[0] / CLIP[1]))
STRETCH = 1.44


def main(arguments: Sequence[str] | None = None) -> int:
    """Train both, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/npmca_geometry')
    parser.add_argument('--iterations', type=int, nargs=2, default=[200, 400], help='of stage 1, of stage 2')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--geometries', nargs='+', default=list(ASPECTS), choices=list(ASPECTS))
    parser.add_argument('--videos', type=int, default=16, help='test videos')
    parser.add_argument('--frames', type=int, default=12, help='of a test video')
    parser.add_argument('--options', nargs='*', default=[], help='further overrides of both configs')
    args = parser.parse_args(arguments)
    for name, aspect in ASPECTS.items():
        print('{}: crops of stage 2 are {:.2f} times as wide as what they show (5 to 95 %: {:.2f} to {:.2f})'.format(
            name, *np.percentile(stretching(aspect), (50, 5, 95))))  # fmt: skip
    videos = synthetic_videos(args.videos, args.frames, VIDEO)
    wide = [stretched(video) for video in videos]
    copied = {**score(stand_still, videos), 'j, wide test': score(stand_still, wide)['j']}
    results: dict[str, list] = {'first mask, left': [copied]}
    for seed in args.seeds:
        for geometry in args.geometries:
            started = time.monotonic()
            found = one(geometry, seed, args, videos, wide)
            for name, row in found.items():
                results.setdefault(name, []).append(row)
                numbers = ' '.join(f'{key} {value:.3f}' for key, value in row.items())
                print(f'{name}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
            keep(results, Path(args.out))
    print_rows(results, ('j', 'f', 'jf', 'j, wide test'))
    return report(claims(results))


def one(geometry: str, seed: int, args: argparse.Namespace, videos: list, wide: list) -> dict[str, dict[str, float]]:
    """Both stages with one geometry and seed, then metrics."""
    first, second = args.iterations
    places = [f'{geometry}_stage1_{first}_{seed}', f'{geometry}_stage2_{first}_{second}_{seed}']
    folders = [Path(args.out) / place for place in places]
    starts = [start(seed, Path(args.out), args.options), folders[0] / f'iter_{first}.pth']

    def measure() -> dict[str, dict[str, float]]:
        for number, count in enumerate(args.iterations, 1):
            load_from, folder = starts[number - 1], folders[number - 1]
            options = [*options_of(number, geometry, seed, count), *args.options, f'load_from={load_from}']
            model = learned(STAGES[number - 1], folder, count, options)
        return metrics(model, videos, wide)

    settings = dict(videos=args.videos, frames=args.frames, scene=SCENE, video=VIDEO, stretch=STRETCH)
    rows = measured(folders[1], settings, measure)
    return {geometry: rows['trained'], f'{geometry}, previous mask blanked': rows['blanked']}


def start(seed: int, folder: Path, options: Sequence[str]) -> Path:
    """File of the weights that both geometries begin with."""
    file = folder / f'start_{seed}.pth'
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        config = load_config(str(STAGES[0]), list(options))
        torch.manual_seed(seed)
        model = MODELS.build(config.model.to_dict())
        torch.save(dict(state_dict=model.state_dict()), file)
        print(f'seed {seed}: both begin with weights {weights_fingerprint(model)}', flush=True)
    return file


def options_of(number: int, geometry: str, seed: int, iterations: int) -> list[str]:
    """Overrides of a stage."""
    if number == 2:
        aspect = list(ASPECTS[geometry])
        return [*short_run(iterations, seed, BATCH), f'{DATA}.pipeline.4.aspect={aspect}']
    options = [*short_run(iterations, seed, data=()), f'{DATA}.seed={seed}']
    if geometry == 'stretched':
        # Objects and backgrounds have the clip's size already, so nothing is cut to its form.
        labels = dict(type='LoadLabels')
        for part, read in (('foregrounds', [labels]), ('backgrounds', [])):
            steps = [dict(type='LoadFrames'), *read, dict(type='Resize', size=CLIP)]
            options += [f'{DATA}.{part}.datasets.{index}.pipeline={steps}' for index in range(2)]
    return options


def metrics(model: Any, videos: list, wide: list) -> dict[str, dict[str, float]]:
    """Of the trained weights, and of the same ones without the previous mask."""
    answer = follow(model)
    trained = {**score(answer, videos), 'j, wide test': score(answer, wide)['j']}
    with without_previous_mask(model):
        return dict(trained=trained, blanked=score(answer, videos))


def stretching(aspect: tuple[float, float], draws: int = 2000) -> np.ndarray:
    """Horizontal over vertical scale of the crops of stage 2."""
    crop, rng = RandomResizedCrop(CLIP, area=(0.5, 1.0), aspect=aspect), np.random.default_rng(0)
    windows = np.array([crop.window(crop.draw(rng), VIDEO) for _ in range(draws)])
    width, height = (windows[:, 2:] - windows[:, :2]).T
    return (CLIP[1] / width) / (CLIP[0] / height)


def stretched(video: TestVideo) -> TestVideo:
    """The same video, wider."""
    size = (round(VIDEO[1] * STRETCH), VIDEO[0])
    frames = [cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in video.frames]
    labels = [cv2.resize(label, size, interpolation=cv2.INTER_NEAREST) for label in video.labels]
    return TestVideo(video.name, frames, labels)


def claims(results: dict[str, list[dict[str, float]]]) -> Iterator[Claim]:
    """What must hold on the worst seed."""
    copied = results['first mask, left'][0]['j']
    if right := results.get('right'):
        yield 'right, J more than the first mask left', min(row['j'] for row in right) - copied, 0.0
        blanked = results['right, previous mask blanked']
        yield 'right, J lost with the previous mask blanked', min(r['j'] - b['j'] for r, b in zip(right, blanked)), 0.0
        if wide := results.get('stretched'):
            yield 'J of right more than of stretched, same seed', min(r['j'] - s['j'] for r, s in zip(right, wide)), 0.0


if __name__ == '__main__':
    sys.exit(main())
