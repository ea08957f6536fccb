"""Six mixtures that no paper has: a part of one paper in the system of another, by a config of at most eight lines.

    python benchmarks/learning/mixed.py [--rows NAME ...] [--seeds 0]

Each mixture is trained on synthetic data beside its parent, the same system without the part, with the same data,
iterations and seed, and beside an answer that needs no learning. Label smoothing has nothing to train: its maps are those
of the parent, before and after. A row that is finished is taken from the folder, a training that was killed continues.

The metric is the mean IoU at one half, on test data of another split: of images, of groups of five whose kinds of objects
training did not have, of frames of videos; of the tracker J from the second frame on, given the box of the first. Prints
the table (config, its lines, iterations, loss of the first and the last ten steps, metrics) and what must hold on every
seed: each loss falls, each mixture beats what needs no learning, and smoothing does not lower the metric. Whether a mixture
beats its parent is reported, not asked.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clip_runs import iou, metrics, predictor, texts, verdicts, video_maps
from group_metrics import Member, group_overlap
from tracking import follow, logged, score, stand_still, synthetic_videos

from salseg.apis import SaliencyPredictor, init_model
from salseg.apis.groups import GroupPredictor
from salseg.datasets.synthetic import draw_video, write_dataset
from salseg.datasets.synthetic.baselines import centre_prior
from salseg.datasets.synthetic.colors import HELD_OUT
from salseg.datasets.synthetic.groups import draw_group
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.checkpoint import has_checkpoint
from salseg.engine.train import train
from salseg.evaluation.metrics.saliency_metric import to_grey

ROOT = Path(__file__).resolve().parents[2]
MIXED, PROJECTS = ROOT / 'configs/mixed', ROOT / 'projects'
Options = dict[str, Any]
Measure = Callable[[Path, Path, argparse.Namespace], float]
SCENE = dict(objects=2, occluders=1, leaving=False, max_step=6.0)


@dataclass(frozen=True)
class Row:
    """One mixture.

    Attributes:
        config: Its config; ``parent`` that of the system without the part.
        iterations: Of both trainings.
        options: Function of the command line, the seed and the steps: overrides of both.
        measure: Figure of a config with a checkpoint.
        trivial: Name and metric of an answer that needs no learning.
        trained: Whether the mixture has something to train.
    """

    config: Path
    parent: Path
    iterations: int
    options: Callable[[argparse.Namespace, int, int], Options]
    measure: Measure
    trivial: Callable[[argparse.Namespace], tuple[str, float]]
    trained: bool = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/mixed')
    parser.add_argument('--rows', nargs='+', default=list(ROWS), choices=list(ROWS))
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--tests', type=int, default=48, help='test images; a fourth as many groups and videos')
    parser.add_argument('--iterations', type=int, help='of every row, instead of its own number')
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    kept = Path(args.out) / 'results.json'
    results: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.is_file() else {}
    for seed in args.seeds:
        for name in args.rows:
            key = f'{name}, seed {seed}'
            if key not in results:
                results[key] = one(name, seed, args)
                kept.write_text(json.dumps(results, indent=1))
            print(f'{key}: {json.dumps(results[key])}', flush=True)
    wanted = {f'{name}, seed {seed}': ROWS[name] for seed in args.seeds for name in args.rows}
    print_table({key: (row, results[key]) for key, row in wanted.items()})
    return verdicts([claim for key, row in wanted.items() for claim in claims(key, row, results[key])])


def one(name: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train parent and mixture of one row with one seed and measure both."""
    row, started = ROWS[name], time.process_time()
    folder = Path(args.out) / f'{row.parent.stem}_{seed}'
    parent = fit(row, row.parent, folder, seed, args)
    if row.trained:
        folder = Path(args.out) / f'{row.config.stem}_{seed}'
    checkpoint = fit(row, row.config, folder, seed, args) if row.trained else parent
    what, trivial = row.trivial(args)
    found = dict(mixed=row.measure(row.config, checkpoint, args), parent=row.measure(row.parent, parent, args))
    first, last = losses(folder)
    seconds = time.process_time() - started
    iterations = args.iterations or row.iterations
    return dict(
        iterations=iterations, first=first, last=last, **found, trivial=trivial, what=what, seconds=round(seconds)
    )


def fit(row: Row, config: Path, folder: Path, seed: int, args: argparse.Namespace) -> Path:
    """Train and give the last checkpoint; continue where an earlier call was killed."""
    iterations = args.iterations or row.iterations
    checkpoint = folder / f'iter_{iterations}.pth'
    if not checkpoint.is_file():
        short = {
            'randomness.seed': seed,
            'train_cfg.max_iters': iterations,
            'default_hooks.checkpoint.interval': max(1, iterations // 4),
            'default_hooks.logger.interval': min(10, iterations),
            'train_dataloader.num_workers': 0,
        }
        options = texts({**short, **row.options(args, seed, iterations)})
        # These rows compare kinds of labels, all of them from ImageNet features.
        train(str(config), options, str(folder), resume=has_checkpoint(folder), from_scratch=True)
    return checkpoint


def losses(folder: Path) -> tuple[float, float]:
    """Mean loss of the first and of the last ten steps of a run."""
    rows = logged(folder)
    return rows[0]['loss'], rows[-1]['loss']


def images(args: argparse.Namespace, seed: int, iterations: int) -> Options:
    """Overrides for training on images."""
    dataset = 'train_dataloader.dataset'
    return {f'{dataset}.size': args.size, f'{dataset}.pipeline.2.size': args.size}


def groups(args: argparse.Namespace, seed: int, iterations: int) -> Options:
    """Overrides for training on groups, at a size that shows kinds of objects."""
    dataset, size = 'train_dataloader.dataset', group_size(args)
    return {f'{dataset}.world': seed, f'{dataset}.size': size, f'{dataset}.pipeline.2.size': size}


def group_size(args: argparse.Namespace) -> int:
    """Side of a group's images."""
    return args.size * 5 // 3


def clips(args: argparse.Namespace, seed: int, iterations: int) -> Options:
    """Overrides for training on clips of videos."""
    place = 'train_dataloader.dataset'
    return {f'{place}.data_root': videos_on_disk(args, seed), f'{place}.pipeline.3.size': args.size}


def clips_and_images(args: argparse.Namespace, seed: int, iterations: int) -> Options:
    """Overrides for training on clips and images in turn."""
    place = 'train_dataloader.dataset'
    parts = {f'{place}.datasets.0.data_root': videos_on_disk(args, seed), f'{place}.datasets.1.size': args.size}
    return {**parts, f'{place}.pipeline.2.size': args.size}


def videos_on_disk(args: argparse.Namespace, seed: int) -> Path:
    """Training videos, written once."""
    folder = Path(args.out) / f'videos_{seed}'
    if not folder.is_dir():
        splits, options = dict(train=max(2, args.tests * 2 // 3)), dict(SCENE)
        write_dataset(
            'vsod', folder, seed=seed, splits=splits, size=args.size, length=15, suffix='.png', options=options
        )
    return folder


def object_clips(args: argparse.Namespace, seed: int, iterations: int) -> Options:
    """Overrides for training on prompted videos."""
    place = 'train_dataloader.dataset'
    return {f'{place}.seed': seed, f'{place}.size': args.size, 'param_scheduler.1.T_max': iterations}


def image_iou(config: Path, checkpoint: Path, args: argparse.Namespace) -> float:
    """Mean IoU over test images."""
    options = texts({'test_dataloader.dataset.pipeline.2.size': args.size})
    predict = SaliencyPredictor(init_model(str(config), str(checkpoint), 'cpu', options))
    drawn = [draw_image(0, 'test', index, args.size) for index in range(args.tests)]
    return float(np.mean([iou(predict([image.image])[0].saliency, image.mask) for image in drawn]))


def image_centre(args: argparse.Namespace) -> tuple[str, float]:
    """A blob in the middle of every test image."""
    blob = to_grey(centre_prior(args.size, args.size))
    drawn = [draw_image(0, 'test', index, args.size) for index in range(args.tests)]
    return 'centre prior', float(np.mean([iou(blob, image.mask) for image in drawn]))


def group_iou(config: Path, checkpoint: Path, args: argparse.Namespace) -> float:
    """Mean IoU over members of groups of kinds that training did not have."""
    options = texts({'test_dataloader.dataset.pipeline.2.size': group_size(args)})
    predict = GroupPredictor(init_model(str(config), str(checkpoint), 'cpu', options))
    return group_overlap(predict, [[Member(p.image, p.mask) for p in group.images] for group in test_groups(args)])


def all_objects(args: argparse.Namespace) -> tuple[str, float]:
    """Every object marked, the shared one among them, without its companions being looked at."""
    members = [image for group in test_groups(args) for image in group.images]
    return 'all objects', float(np.mean([(p.mask & (p.labels > 0)).sum() / (p.labels > 0).sum() for p in members]))


def test_groups(args: argparse.Namespace) -> list:
    """Groups of five."""
    return [draw_group(0, 'test', index, 5, group_size(args), HELD_OUT) for index in range(max(2, args.tests // 4))]


def clip_iou(config: Path, checkpoint: Path, args: argparse.Namespace) -> float:
    """Mean IoU over the frames of test videos."""
    predict = predictor(config, checkpoint, args.size, length=4)
    drawn = test_videos(args)
    maps = [grey for video in drawn for grey in video_maps(predict, video)]
    return metrics(maps, [video.labels(t) > 0 for video in drawn for t in range(len(video))])['iou']


def clip_centre(args: argparse.Namespace) -> tuple[str, float]:
    """A blob in the middle of every frame."""
    blob = to_grey(centre_prior(args.size, args.size))
    truths = [video.labels(t) > 0 for video in test_videos(args) for t in range(len(video))]
    return 'centre prior', metrics([blob] * len(truths), truths)['iou']


def test_videos(args: argparse.Namespace) -> list:
    """Videos of eight frames."""
    return [draw_video(0, 'val', i, length=8, size=args.size, **SCENE) for i in range(max(2, args.tests // 4))]


def followed(config: Path, checkpoint: Path, args: argparse.Namespace) -> float:
    """J from the second frame on, each object given by its box in the first."""
    return score(follow(init_model(str(config), str(checkpoint), 'cpu')), tracks(args), box=True)['j']


def box_left(args: argparse.Namespace) -> tuple[str, float]:
    """The filled box of the first frame in every frame."""
    return 'filled box left', score(stand_still, tracks(args), box=True)['j']


def tracks(args: argparse.Namespace) -> list:
    """Videos with two look-alike objects."""
    return synthetic_videos(max(2, args.tests // 4), 12, args.size)


SCWSSOD = PROJECTS / 'scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
ROWS = {
    'scribbles on clips': Row(
        MIXED / 'rcrnet-ner_lite0_scribbles_synthetic-160.py',
        PROJECTS / 'rcrnet/configs/rcrnet-ner_lite0_synthetic-160.py',
        120, clips, clip_iou, clip_centre,
    ),
    'contrast on groups': Row(
        MIXED / 'dcfm_lite0_contrast_synthetic-groups-160.py',
        PROJECTS / 'dcfm/configs/dcfm_lite0_synthetic-groups-160.py',
        200, groups, group_iou, all_objects,
    ),
    'boxes on images': Row(
        PROJECTS / 'scwssod/configs/scwssod_lite0_boxes_synthetic-128.py',
        SCWSSOD, 160, images, image_iou, image_centre,
    ),
    'coherence on tracks': Row(
        MIXED / 'xmem_lite0_boxes-filled-lsc_synthetic-96.py',
        PROJECTS / 'xmem/configs/xmem_lite0_boxes-filled_synthetic-96.py',
        266, object_clips, followed, box_left,
    ),
    'aggregation on clips': Row(
        MIXED / 'contrastive-vsod_lite0_aggm_synthetic-160.py',
        PROJECTS / 'contrastive_vsod/configs/contrastive-vsod_lite0_synthetic-160.py',
        120, clips_and_images, clip_iou, clip_centre,
    ),
    'smoothing on images': Row(
        MIXED / 'scwssod_lite0_label-smoothing_synthetic-128.py',
        SCWSSOD, 160, images, image_iou, image_centre, trained=False,
    ),
}  # fmt: skip


def lines(config: Path) -> int:
    """Lines of a config that say something."""
    return sum(bool(line.strip()) and not line.startswith('#') for line in config.read_text().splitlines())


def print_table(rows: dict[str, tuple[Row, dict[str, Any]]]) -> None:
    """Markdown."""
    print('\n| | lines | iterations | loss | mixed | parent | without learning |\n|---|---|---|---|---|---|---|')
    for key, (row, found) in rows.items():
        loss = f'{found["first"]:.3f} to {found["last"]:.3f}' if row.trained else 'none'
        trivial = f'{found["trivial"]:.3f} ({found["what"]})'
        print(
            f'| {key} | {lines(row.config)} | {found["iterations"]} | {loss} | {found["mixed"]:.3f} | {found["parent"]:.3f} '
            f'| {trivial} |'
        )
    print()


def claims(key: str, row: Row, found: dict[str, Any]) -> list[tuple[str, bool, str]]:
    """What must hold."""
    text = f'{key}: above what needs no learning by {found["mixed"] - found["trivial"]:+.3f}'
    said = [(text, found['mixed'] > found['trivial'], '> 0')]
    if row.trained:
        change = found['last'] / found['first']
        said.append((f'{key}: loss at the end / at the start {change:.2f}', change < 1, '< 1'))
    else:
        gain = found['mixed'] - found['parent']
        said.append((f'{key}: after minus before {gain:+.3f}', gain >= -0.005, '>= -0.005'))
    return said


if __name__ == '__main__':
    sys.exit(main())
