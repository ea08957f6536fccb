"""Labels that the flow-guided generator makes, and what a video network learns from them.

    python benchmarks/learning/pseudo_labels.py [--seeds 0 1 2] [--max-step 4]

Synthetic videos, of which every 20th frame keeps its label (every 5th beside it). No point moves more than ``--max-step``
pixels from one frame to the next, at most 8. One image model, trained on images, starts all seeds. Per seed, with videos
of its own: a generator on triplets of kept labels; its labels for frames between, evenly spaced (``--between``). They are
compared with the truth that it never saw, beside (a) the nearest kept label copied and (b) the kept labels warped along
the same flow without any network: the nearer one, and the mean of both, of which the better one counts. What copying and
warping do at smaller and larger motion is printed as a table without a claim.

Then a student (RCRNet+NER) starts from the image model and learns from kept labels alone, from kept and generated labels,
and from all true labels: same clips' length, iterations and seed. Its test videos are of another split.

Must hold on every seed, at 20: generator > better warp + 0.02 and better warp > copy in IoU; the student closes at least
half of the gap from kept to all labels, where that gap is at least 0.01.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from clip_runs import GENERATOR, VIDEO_MODEL, fit, image_model, iou, metrics, predictor, texts, verdicts, video_maps

from salseg.apis.pseudo_labels import precompute_pseudo_labels
from salseg.datasets import VideoSaliencyDataset
from salseg.datasets.synthetic import SyntheticVideo, draw_video, write_dataset
from salseg.io.annotations import read_map
from salseg.ops import warp

BETTER, CLOSED, A_GAP = 0.02, 0.5, 0.01
STUDENTS = ('kept labels', 'kept + generated', 'all labels')


def main() -> int:
    """Train, label, compare."""
    args = arguments()
    results = [one_seed(seed, args) for seed in args.seeds]
    print_tables(results, args)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return verdicts(claims(results, args))


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/pseudo_labels')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--intervals', type=int, nargs='+', default=[20, 5], help='the first one carries the claims')
    parser.add_argument('--max-step', type=float, default=4.0, help='pixels a frame, at most 8')
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--train-videos', type=int, default=16)
    parser.add_argument('--frames', type=int, default=61)
    parser.add_argument('--test-videos', type=int, default=16)
    parser.add_argument('--between', type=int, default=7, help='generated labels from one kept label to the next')
    parser.add_argument('--image-model', help='folder, trained where missing; OUT/image by default')
    parser.add_argument('--image-iterations', type=int, default=200)
    parser.add_argument('--generator-iterations', type=int, default=600)
    parser.add_argument('--iterations', type=int, default=150, help='of each student; 0 trains none')
    parser.add_argument('--motions', type=float, nargs='*', default=[1, 2, 4, 8, 16], help='of the table of warping')
    args = parser.parse_args()
    if args.max_step > 8:
        parser.error('--max-step: the claims are about 8 pixels a frame at most; larger motion is in the table.')
    return args


def scene(args: argparse.Namespace, max_step: float) -> dict:
    """What the videos show: two objects that may pass behind each other and behind a bar."""
    return dict(size=args.size, objects=2, occluders=1, leaving=False, max_step=max_step)


def one_seed(seed: int, args: argparse.Namespace) -> dict:
    """All stages and metrics of one seed."""
    folder, started = Path(args.out) / f'seed{seed}', time.monotonic()
    data = folder / 'data'
    if not data.is_dir():
        options = scene(args, args.max_step)
        size = options.pop('size')
        splits = dict(train=args.train_videos)
        write_dataset(
            'vsod', data, seed=seed, splits=splits, size=size, length=args.frames, suffix='.png', options=options
        )
    start = image_model(Path(args.image_model or Path(args.out) / 'image'), args.image_iterations, args.size)
    result: dict = dict(seed=seed, quality={}, students={}, motion=motion_table(seed, args))
    for interval in args.intervals:
        made = generate(folder, data, start, interval, seed, args)
        result['quality'][str(interval)] = quality(data, made, interval, args)
        shown = ', '.join(f'{k} {v:.3f}' for k, v in result['quality'][str(interval)].items())
        print(f'seed {seed}, every {interval}th label: {shown} ({time.monotonic() - started:.0f} s)', flush=True)
    if args.iterations:
        result['students'] = students(folder, data, start, seed, args)
    return result


def generate(folder: Path, data: Path, start: Path, interval: int, seed: int, args: argparse.Namespace) -> Path:
    """Stage 2 and 3: train the generator on kept labels, label frames between them."""
    options = {
        'load_from': start,
        'train_dataloader.dataset.data_root': data,
        'train_dataloader.dataset.label_interval': interval,
        'train_dataloader.dataset.pipeline.3.size': args.size,
        'train_dataloader.dataset.pipeline.4.cache': folder / 'flow',
    }
    checkpoint = fit(GENERATOR, folder / f'generator{interval}', args.generator_iterations, seed, options)
    labelling = {
        'pseudo_label_datasets.0.data_root': data,
        'pseudo_label_datasets.0.label_interval': interval,
        'pseudo_label_datasets.0.between': min(args.between, interval - 1),
        'generate_pipeline.2.size': args.size,
        'generate_pipeline.3.cache': folder / 'flow',
    }
    made = folder / f'labels{interval}'
    precompute_pseudo_labels(str(GENERATOR), made, str(checkpoint), texts(labelling), 'cpu')
    return made


def quality(data: Path, made: Path, interval: int, args: argparse.Namespace) -> dict[str, float]:
    """IoU of generated labels, warped labels and the nearest label with the truth of the frames between."""
    pipeline = [
        dict(type='LoadFrames'),
        dict(type='LoadSoftLabels', missing='zero'),
        dict(type='Resize', size=args.size),
        dict(type='ComputeFlow', estimator=dict(type='DISFlow', preset='medium')),
        dict(type='SplitTriplet'),
        dict(type='PackFrames'),
    ]
    triplets = VideoSaliencyDataset(
        str(data), list_file='ImageSets/2016/train.txt', label_interval=interval, clips='between',
        between=min(args.between, interval - 1), spacing='even', pipeline=pipeline,
    )  # fmt: skip
    scores: dict[str, list[float]] = {name: [] for name in ('generator', 'warp, nearer', 'warp, mean', 'copy')}
    for item, (_, (left, middle, right)) in enumerate(triplets.items):
        sample = triplets.get(0, item)['data_samples']
        name = f'{sample.set_id}/{sample.frame_ids[0]}.png'
        truth = read_map(data / 'Annotations/480p' / name) > 127
        share = (middle - left) / (right - left)
        guesses = trivial_labels(sample.prompt, sample.flow, share)
        guesses['generator'] = read_map(made / 'Annotations' / name)
        for kind, grey in guesses.items():
            scores[kind].append(iou(grey, truth))
    return {kind: float(np.mean(values)) for kind, values in scores.items()}


def trivial_labels(labels: torch.Tensor, flow: torch.Tensor, share: float) -> dict[str, np.ndarray]:
    """Copied and warped labels; ``share`` is how far the frame is from the left label (0) to the right one (1)."""
    labels, flow = torch.as_tensor(labels).float(), torch.as_tensor(flow).float()
    warped = warp(labels[:, None], flow)[:, 0]
    nearer = int(share > 0.5)
    found = {
        'warp, nearer': warped[nearer],
        'warp, mean': (1 - share) * warped[0] + share * warped[1],
        'copy': labels[nearer],
    }
    return {name: (value * 255).round().byte().numpy() for name, value in found.items()}


def motion_table(seed: int, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """What copying and warping do at slower and faster motion, a few frames of a few videos each."""
    table = {}
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    for step in args.motions:
        for interval in args.intervals:
            scores: dict[str, list[float]] = {}
            for index in range(6):
                video = draw_video(seed, 'motion', index, length=interval + 1, **scene(args, step))
                middles = sorted({interval // 4, interval // 2, interval - 1})
                for kind, values in triplet_scores(video, interval, middles, dis).items():
                    scores.setdefault(kind, []).extend(values)
            table[f'{step:g} px, every {interval}th'] = {kind: float(np.mean(v)) for kind, v in scores.items()}
    return table


def triplet_scores(
    video: SyntheticVideo, interval: int, middles: list[int], dis: cv2.DISOpticalFlow
) -> dict[str, list[float]]:
    """IoU of copied and warped labels at some frames between the first and the last."""
    ends = [video.frame(0), video.frame(interval)]
    labels = torch.from_numpy(np.stack([frame.labels > 0 for frame in ends]))
    scores: dict[str, list[float]] = {}
    for middle in middles:
        frame = video.frame(middle)
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame.image, *(end.image for end in ends))]
        flow = np.stack([dis.calc(grey[0], other, None) for other in grey[1:]]).transpose(0, 3, 1, 2)
        for kind, label in trivial_labels(labels, torch.from_numpy(flow.copy()), middle / interval).items():
            scores.setdefault(kind, []).append(iou(label, frame.labels > 0))
    return scores


def students(folder: Path, data: Path, start: Path, seed: int, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The video network from each set of labels, on videos of another split."""
    dataset, interval = 'train_dataloader.dataset', args.intervals[0]
    sources = {
        'kept labels': {f'{dataset}.data_root': data, f'{dataset}.label_interval': interval},
        'kept + generated': {f'{dataset}.data_root': folder / f'labels{interval}'},
        'all labels': {f'{dataset}.data_root': data},
    }
    results = {}
    for name in STUDENTS:
        options = {
            'load_from': start, 'train_dataloader.batch_size': 1, f'{dataset}.pipeline.3.size': args.size, **sources[name],
        }  # fmt: skip
        place = folder / f'student_{name.replace(" ", "_")}'
        checkpoint = fit(VIDEO_MODEL, place, args.iterations, seed, options)
        results[name] = tested(checkpoint, VIDEO_MODEL, seed, args)
        shown = ', '.join(f'{k} {v:.4f}' for k, v in results[name].items())
        print(f'seed {seed}, student from {name}: {shown}', flush=True)
    return results


def tested(checkpoint: Path, config: Path, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Metrics on twelve frames of each test video."""
    predict, maps, truths = predictor(config, checkpoint, args.size, length=4), [], []
    for index in range(args.test_videos):
        video = draw_video(seed, 'val', index, length=12, **scene(args, args.max_step))
        maps += video_maps(predict, video)
        truths += [video.labels(t) > 0 for t in range(len(video))]
    return metrics(maps, truths)


def print_tables(results: list[dict], args: argparse.Namespace) -> None:
    """Means and worst over seeds."""
    print(f'\n{"IoU of labels, frames between":44} {"mean":>7} {"worst":>7}')
    for interval in map(str, args.intervals):
        for kind in results[0]['quality'][interval]:
            values = [result['quality'][interval][kind] for result in results]
            print(f'{f"every {interval}th, {kind}":44} {np.mean(values):7.3f} {min(values):7.3f}')
    print(f'\n{"without a network, by motion":44} {"copy":>7} {"nearer":>7} {"mean":>7}')
    for place in results[0]['motion']:
        rows = [result['motion'][place] for result in results]
        cells = (np.mean([row[kind] for row in rows]) for kind in ('copy', 'warp, nearer', 'warp, mean'))
        print(f'{place:44} ' + ' '.join(f'{cell:7.3f}' for cell in cells))
    if results[0]['students']:
        print(f'\n{"student on other videos":44} {"IoU":>7} {"worst":>7} {"max-F":>7} {"worst":>7}')
        for name in STUDENTS:
            overlap, f = ([result['students'][name][key] for result in results] for key in ('iou', 'max_f'))
            print(f'{name:44} {np.mean(overlap):7.4f} {min(overlap):7.4f} {np.mean(f):7.4f} {min(f):7.4f}')
    print()


def claims(results: list[dict], args: argparse.Namespace) -> list[tuple[str, bool, str]]:
    """What must hold on every seed."""
    first = f'every {args.intervals[0]}th label'
    rows = [result['quality'][str(args.intervals[0])] for result in results]
    warps = [max(row['warp, nearer'], row['warp, mean']) for row in rows]
    over_warp = min(row['generator'] - better for row, better in zip(rows, warps))
    over_copy = min(better - row['copy'] for row, better in zip(rows, warps))
    found = [
        (f'{first}: IoU of the generator above the better warp by {over_warp:+.3f}', over_warp > BETTER, f'> {BETTER}'),
        (f'{first}: IoU of the better warp above the copy by {over_copy:+.3f}', over_copy > 0, '> 0'),
    ]
    if results[0]['students']:
        found += [gap_claim(result) for result in results]
    return found


def gap_claim(result: dict) -> tuple[str, bool, str]:
    """How much of one seed's gap the generated labels close."""
    kept, generated, every = (result['students'][name]['iou'] for name in STUDENTS)
    gap, seed = every - kept, result['seed']
    if gap < A_GAP:
        return f'seed {seed}: no gap ({gap:+.4f} in IoU from kept to all labels), nothing to close', True, 'no gap'
    closed = (generated - kept) / gap
    return (
        f'seed {seed}: gap {gap:.4f} in IoU, generated labels close {closed:.0%}',
        closed >= CLOSED,
        f'>= {CLOSED:.0%}',
    )


if __name__ == '__main__':
    sys.exit(main())
