"""What the recurrent module knows of a frame in which the object cannot be seen.

    python benchmarks/learning/hidden_frames.py [--seeds 0 1 2]

Synthetic videos in which noise hides the object in one frame of every four; its truth stays. RCRNet+NER learns from clips
of four frames. On other videos the hidden frame is then given to the same weights with its three true companions, alone,
repeated four times, and with three companions of a foreign video. Copying the map of the nearest clear frame stands beside.

Must hold on every seed: IoU on hidden frames with T = 4 at least 0.05 above T = 1; with foreign companions that gain is
gone (at most half of it is left, and less than 0.05); clear frames are not worse with T = 4 than alone, by 0.01.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from clip_runs import VIDEO_MODEL, fit, image_model, iou, predictor, verdicts

from salseg.apis.clips import ClipPredictor
from salseg.datasets.synthetic import SyntheticFrame, draw_video, write_dataset

GAIN, CLEAR = 0.05, -0.01
WAYS = (
    'four frames',
    'alone',
    'repeated',
    'foreign companions',
    'nearest clear map',
    'clear, four frames',
    'clear, alone',
)

Group = list[SyntheticFrame]


def main() -> int:
    """Train, hide, compare."""
    args = arguments()
    results = [one_seed(seed, args) for seed in args.seeds]
    print(f'\n{"IoU":24} {"mean":>7} {"worst":>7}')
    for way in WAYS:
        values = [result[way] for result in results]
        print(f'{way:24} {np.mean(values):7.3f} {min(values):7.3f}')
    print()
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return verdicts(claims(results))


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/hidden_frames')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--max-step', type=float, default=4.0, help='pixels a frame')
    parser.add_argument('--train-videos', type=int, default=48)
    parser.add_argument('--test-videos', type=int, default=32)
    parser.add_argument('--frames', type=int, default=13, help='of a training video')
    parser.add_argument('--image-model', help='folder, trained where missing; OUT/image by default')
    parser.add_argument('--image-iterations', type=int, default=200)
    parser.add_argument('--iterations', type=int, default=400)
    return parser.parse_args()


def scene(args: argparse.Namespace) -> dict:
    """What the videos show: one object, hidden in one frame of four."""
    return dict(size=args.size, objects=1, occluders=0, leaving=False, max_step=args.max_step, hidden='object')


def one_seed(seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Train one model, and give its hidden frames in all ways."""
    folder, started = Path(args.out) / f'seed{seed}', time.monotonic()
    data, options = folder / 'data', scene(args)
    size = options.pop('size')
    if not data.is_dir():
        splits = dict(train=args.train_videos)
        write_dataset(
            'vsod', data, seed=seed, splits=splits, size=size, length=args.frames, suffix='.png', options=options
        )
    start = image_model(Path(args.image_model or Path(args.out) / 'image'), args.image_iterations, size)
    training = {
        'load_from': start,
        'train_dataloader.batch_size': 1,
        'train_dataloader.dataset.data_root': data,
        'train_dataloader.dataset.clips': 'all',
        'train_dataloader.dataset.pipeline.3.size': size,
    }
    checkpoint = fit(VIDEO_MODEL, folder / 'video', args.iterations, seed, training)
    result = compare(
        predictor(VIDEO_MODEL, checkpoint, size, length=4),
        predictor(VIDEO_MODEL, checkpoint, size, length=1),
        groups(seed, args),
    )
    shown = ', '.join(f'{way} {result[way]:.3f}' for way in WAYS)
    print(f'seed {seed}: {shown} ({time.monotonic() - started:.0f} s)', flush=True)
    return result


def groups(seed: int, args: argparse.Namespace) -> list[Group]:
    """Four frames of each test video, one of them hidden."""
    videos = (draw_video(seed, 'val', index, length=4, **scene(args)) for index in range(args.test_videos))
    return [list(video) for video in videos]


def compare(four: ClipPredictor, one: ClipPredictor, groups: list[Group]) -> dict[str, float]:
    """Mean IoU of every way, over hidden frames and over clear ones."""
    scores: dict[str, list[float]] = {way: [] for way in WAYS}
    for number, group in enumerate(groups):
        place = next(t for t, frame in enumerate(group) if frame.hidden)
        truths = [frame.labels > 0 for frame in group]
        images = [frame.image for frame in group]
        # The companions of a foreign video are clear frames, as the true ones are.
        clear = [frame.image for frame in groups[(number + 1) % len(groups)] if not frame.hidden]
        other = [images[place] if t == place else clear.pop(0) for t in range(4)]
        together, alone = run(four, images), [run(one, [image])[0] for image in images]
        nearest = min((t for t in range(4) if t != place), key=lambda t: abs(t - place))
        maps = {
            'four frames': together[place],
            'alone': alone[place],
            'repeated': run(four, [images[place]] * 4)[place],
            'foreign companions': run(four, other)[place],
            'nearest clear map': alone[nearest],
        }
        for way, grey in maps.items():
            scores[way].append(iou(grey, truths[place]))
        for t in range(4):
            if t != place:
                scores['clear, four frames'].append(iou(together[t], truths[t]))
                scores['clear, alone'].append(iou(alone[t], truths[t]))
    return {way: float(np.mean(values)) for way, values in scores.items()}


def run(predict: ClipPredictor, images: list[np.ndarray]) -> list[np.ndarray]:
    """Maps (H, W) uint8 of one window."""
    return [frame.saliency for frame in predict.window([(str(t), image) for t, image in enumerate(images)])]


def claims(results: list[dict[str, float]]) -> list[tuple[str, bool, str]]:
    """What must hold on every seed."""
    gains = [result['four frames'] - result['alone'] for result in results]
    foreign = [result['foreign companions'] - result['alone'] for result in results]
    clear = min(result['clear, four frames'] - result['clear, alone'] for result in results)
    gone = all(left < GAIN and left <= gain / 2 for left, gain in zip(foreign, gains))
    return [
        (f'IoU on hidden frames, T = 4 minus T = 1: {min(gains):+.3f}', min(gains) >= GAIN, f'>= +{GAIN}'),
        (f'with foreign companions {max(foreign):+.3f} of it is left', gone, f'< {GAIN} and at most half'),
        (f'IoU on clear frames, T = 4 minus T = 1: {clear:+.3f}', clear >= CLEAR, f'>= {CLEAR}'),
    ]


if __name__ == '__main__':
    sys.exit(main())
