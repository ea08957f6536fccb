"""What the contrastive loss does to features, and what mining adds.

    python benchmarks/learning/contrast.py [--seeds 0 1 2]

The lite network of the contrastive project on synthetic videos (clips of eight frames) and images in turn; rows differ in
the loss alone: off, on with candidates drawn at random, on with hard mining. On test videos of another split every frame
gives two vectors, the mean of the ``embedding`` over its true foreground and over its background. The cosine of two
foregrounds of different frames of a video should exceed that of a foreground and a background of different frames: the
fraction of pairs in the right order (AUC) is taken over the pairs of all videos together, so one threshold must do for all of
them; the mean over videos, each on its own, is printed beside it. Maps are scored by max-F and IoU.

Must hold on every seed, hard mining against off: AUC at least 0.05 higher, max-F not worse by more than 0.01. A gain in
max-F is claimed only where all seeds agree. Random mining is reported.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from clip_runs import CONTRASTIVE, fit, metrics, predictor, verdicts, video_maps

from salseg.apis.clips import ClipPredictor
from salseg.datasets.synthetic import SyntheticVideo, draw_video, write_dataset
from salseg.ops import region_vectors

RUNS = {
    'off': {'model.losses.contrast': None},
    'random mining': {'model.losses.contrast.mining': 'random'},
    'hard mining': {},
}
MORE_ORDER, NOT_WORSE = 0.05, -0.01


def main() -> int:
    """Train all rows, print the table, check what must hold."""
    args = arguments()
    results: dict[str, list[dict[str, float]]] = {run: [] for run in args.runs}
    for seed in args.seeds:
        for run in args.runs:
            started = time.monotonic()
            results[run].append(one(run, seed, args))
            shown = ', '.join(f'{key} {value:.4f}' for key, value in results[run][-1].items())
            print(f'seed {seed}, {run}: {shown} ({time.monotonic() - started:.0f} s)', flush=True)
    names = ('auc', 'auc_within', 'max_f', 'iou')
    print(f'\n{"":16} ' + ' '.join(f'{name:>10} {"worst":>7}' for name in names))
    for run, part in results.items():
        columns = [[row[name] for row in part] for name in names]
        print(f'{run:16} ' + ' '.join(f'{np.mean(column):10.4f} {min(column):7.4f}' for column in columns))
    print()
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return verdicts(claims(results))


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/contrast')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--train-videos', type=int, default=32)
    parser.add_argument('--test-videos', type=int, default=16)
    parser.add_argument('--frames', type=int, default=15, help='of a training video')
    parser.add_argument('--iterations', type=int, default=400)
    return parser.parse_args()


def scene(args: argparse.Namespace) -> dict:
    """What the videos show."""
    return dict(size=args.size, objects=2, occluders=1, leaving=False, max_step=6.0)


def one(run: str, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Train one row with one seed and measure it."""
    folder = Path(args.out) / f'seed{seed}'
    data, options = folder / 'data', scene(args)
    size = options.pop('size')
    if not data.is_dir():
        splits = dict(train=args.train_videos)
        write_dataset(
            'vsod', data, seed=seed, splits=splits, size=size, length=args.frames, suffix='.png', options=options
        )
    dataset = 'train_dataloader.dataset'
    training = {
        f'{dataset}.datasets.0.data_root': data,
        f'{dataset}.datasets.1.size': size,
        f'{dataset}.pipeline.2.size': size,
        **RUNS[run],
    }
    checkpoint = fit(CONTRASTIVE, folder / run.replace(' ', '_'), args.iterations, seed, training)
    predict = predictor(CONTRASTIVE, checkpoint, size, length=8)
    videos = [draw_video(seed, 'val', index, length=8, **scene(args)) for index in range(args.test_videos)]
    maps = [grey for video in videos for grey in video_maps(predict, video)]
    truths = [video.labels(t) > 0 for video in videos for t in range(len(video))]
    similarities = [similar(predict, video) for video in videos]
    near, far = (np.concatenate(part) for part in zip(*similarities))
    within = float(np.mean([auc(*pair) for pair in similarities]))
    return dict(auc=auc(near, far), auc_within=within, **metrics(maps, truths))


@torch.inference_mode()
def similar(predict: ClipPredictor, video: SyntheticVideo) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of foregrounds of different frames, and of a foreground and a background of different frames."""
    model = predict.model
    item = predict.pack_clip([(str(t), frame.image) for t, frame in enumerate(video)])
    batch = model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]), False)
    features = model(**batch, mode='tensor')['embedding'][0]
    truth = torch.from_numpy(np.stack([video.labels(t) > 0 for t in range(len(video))])).float()
    regions = F.adaptive_avg_pool2d(truth, tuple(features.shape[-2:])) >= 0.5
    (inside, has), (outside, _) = region_vectors(features, regions), region_vectors(features, ~regions)
    inside, outside = (F.normalize(part, dim=-1) for part in (inside, outside))
    different = ~torch.eye(len(video), dtype=torch.bool) & has[:, None]
    near = (inside @ inside.T)[different & has[None]]
    return near.numpy(), (inside @ outside.T)[different].numpy()


def auc(high: np.ndarray, low: np.ndarray) -> float:
    """Fraction of pairs (one of each) in which the first is larger; ties count half."""
    if not len(high) or not len(low):
        return float('nan')
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, 'left') + np.searchsorted(ordered, high, 'right')
    return float(below.mean() / 2 / len(low))


def claims(results: dict[str, list[dict[str, float]]]) -> list[tuple[str, bool, str]]:
    """What must hold on every seed."""
    if not {'off', 'hard mining'} <= set(results):
        return []
    pairs = list(zip(results['off'], results['hard mining']))
    order = min(on['auc'] - off['auc'] for off, on in pairs)
    gains = [on['max_f'] - off['max_f'] for off, on in pairs]
    agree = 'a gain, all seeds agree' if min(gains) > 0 else 'no gain claimed, seeds differ'
    return [
        (f'AUC of region vectors, hard mining minus off: {order:+.3f}', order >= MORE_ORDER, f'>= +{MORE_ORDER}'),
        (f'max-F likewise: {min(gains):+.3f} ({agree})', min(gains) >= NOT_WORSE, f'>= {NOT_WORSE}'),
    ]


if __name__ == '__main__':
    sys.exit(main())
