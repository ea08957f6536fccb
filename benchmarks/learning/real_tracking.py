"""XMem learned from a few real videos and synthetic ones, from masks and from boxes, tested on other real videos.

    python benchmarks/learning/real_tracking.py DATA [--seeds 0] [--iterations 300] [--begin FOLDER]

DATA is what `salseg convert DAVIS-2017` writes, or videos laid out like it. With ``--begin`` the rows begin with what
boxes.py learned from synthetic videos alone, in that folder, under the same names. J and F from the second frame on, prompted
by the first masks. Beside the models stand the first mask left where it was, and labels carried on by the nearest
neighbours of features that no training here touched. Prints every seed, then mean and worst, and what must hold.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tracking import (
    Answer,
    Claim,
    TestVideo,
    follow,
    keep,
    learned,
    print_rows,
    report,
    score,
    short_run,
    stand_still,
)

from salseg.apis import Prompt
from salseg.datasets import PromptedVideos
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image
from salseg.registry import BACKBONES

CONFIGS = Path(__file__).resolve().parents[2] / 'projects/xmem/configs'
RUNS = {'masks': 'xmem_lite0_masks_real-128.py', 'P+W+T': 'xmem_lite0_boxes-stable_real-128.py'}
SETS = tuple(f'train_dataloader.dataset.datasets.{number}' for number in (0, 1))
EARLIER, NEIGHBOURS, TEMPERATURE = 3, 10, 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', help='folder with JPEGImages, Annotations and ImageSets')
    parser.add_argument('--out', default='work_dirs/real_tracking')
    parser.add_argument('--iterations', type=int, default=300)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--features', default='package', help="weights of the untrained neighbours' features")
    parser.add_argument('--begin', help='folder of boxes.py, whose weights the rows begin with')
    parser.add_argument('--frames', type=int, help='of each test video, all by default')
    parser.add_argument('--options', nargs='*', default=[], help='further overrides of every config')
    args = parser.parse_args(arguments)
    videos = real_videos(args.data, args.frames)
    results: dict[str, list] = {
        'first mask, left': [score(stand_still, videos)],
        'nearest features': [score(nearest_features(args.features), videos)],
    }
    for run in args.runs:
        results[run] = []
        for seed in args.seeds:
            started = time.monotonic()
            folder = Path(args.out) / f'{run.replace("+", "")}_{args.iterations}_{seed}'
            options = [*short_run(args.iterations, seed, data=SETS), f'{SETS[0]}.data_root={args.data}', *args.options]
            if args.begin:
                options.append(f'load_from={begun(Path(args.begin), run, seed)}')
            model = learned(CONFIGS / RUNS[run], folder, args.iterations, options)
            results[run].append(score(follow(model), videos))
            numbers = ' '.join(f'{key} {value:.3f}' for key, value in results[run][-1].items())
            print(f'{run}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
            keep(results, Path(args.out))
    print_rows(results, ('j', 'f', 'jf'))
    return report(claims(results))


def begun(folder: Path, run: str, seed: int) -> Path:
    """Last checkpoint of a row of boxes.py."""
    found = sorted(folder.glob(f'{run.replace("+", "")}_*_{seed}/iter_*.pth'), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SystemExit(f'{folder} has no checkpoint of {run}, seed {seed}; run boxes.py --out {folder} first.')
    return found[-1]


def real_videos(data: str, frames: int | None) -> list[TestVideo]:
    """The test videos with their masks."""
    found = []
    for video in PromptedVideos(data, layout='folders', list_file='ImageSets/val.txt').videos:
        names = [name for name in video.frames if name in video.labels][:frames]
        labels = [read_annotation(video.labels[name][0], 'index') for name in names]
        found.append(TestVideo(video.name, [read_image(video.images[name]) for name in names], labels))
    return found


def nearest_features(weights: str | None) -> Answer:
    """Labels of the most similar places in the first frame and in the three before, by ImageNet features alone."""
    backbone = BACKBONES.build(dict(type='EfficientNetLite0', out_indices=(2,), weights=weights)).eval()

    @torch.no_grad()
    def answer(video: TestVideo, prompt: Prompt) -> list[np.ndarray]:
        with_background = torch.cat([~prompt.masks.any(0, keepdim=True), prompt.masks]).float()
        ids = np.array([0, *prompt.ids], np.uint8)
        memory: list[tuple[torch.Tensor, torch.Tensor]] = []
        found = []
        for frame in video.frames:
            image = (torch.from_numpy(frame.transpose(2, 0, 1).copy())[None].float() - 127) / 128
            features = backbone(image)[0][0]
            size = tuple(features.shape[-2:])
            here = F.normalize(features.flatten(1), dim=0)
            if not memory:
                small = F.adaptive_avg_pool2d(with_background[None], size)[0].flatten(1)
            else:
                keys = torch.cat([key for key, _ in memory], 1)
                labels = torch.cat([label for _, label in memory], 1)
                top, index = (here.T @ keys).topk(NEIGHBOURS, 1)
                small = (labels[:, index] * torch.softmax(top / TEMPERATURE, 1)).sum(-1)
            memory = [*memory[:1], *memory[1:][-(EARLIER - 1) :], (here, small)]
            whole = F.interpolate(small.unflatten(1, size)[None], size=frame.shape[:2], mode='bilinear')[0]
            found.append(ids[whole.argmax(0).numpy()])
        return found

    return answer


def claims(results: dict[str, list[dict[str, float]]]) -> Iterator[Claim]:
    """What must hold on the worst seed."""
    beside = max(results[name][0]['j'] for name in ('first mask, left', 'nearest features'))
    for run in RUNS:
        if rows := results.get(run):
            yield f'{run}, J', min(row['j'] for row in rows), 0.45
            yield f'{run}, J more than the better of the two beside', min(row['j'] for row in rows) - beside, 0.0


if __name__ == '__main__':
    sys.exit(main())
