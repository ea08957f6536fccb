"""RCRNet+NER-lite on a few real videos.

    python benchmarks/learning/real_clips.py --data DAVIS --images IMAGES [--seeds 0]

DAVIS: what `salseg convert DAVIS-2016` writes, or videos laid out like it. IMAGES: image/, mask/, train.txt, for the image
model. Rows: the image model alone, frame by frame; the video model that starts from it and learns from all labels of the
training videos; a centre prior. Scored on the videos of val.txt, which no training saw: max-F, S, MAE, and J and F of maps
cut at one half (means over the frames of a video, then over videos). Writes maps and an overlay video of every test video,
and a sheet of frames. All that must hold: the video model's max-F is above the centre prior's.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from clip_runs import PROJECTS, fit, texts, verdicts

from salseg.apis import init_model
from salseg.apis.clip_files import predict_video
from salseg.apis.clips import ClipPredictor
from salseg.datasets import VideoSaliencyDataset
from salseg.datasets.synthetic import centre_prior
from salseg.datasets.video_layout import Video
from salseg.evaluation.functional import boundary_f, image_level, region_similarity_j, saliency_scores
from salseg.io.annotations import read_annotation, read_map
from salseg.io.images import read_image, write_png
from salseg.visualization import overlay_map, sheet

IMAGE = PROJECTS / 'rcrnet/configs/rcrnet_lite0_folder-160.py'
VIDEO = PROJECTS / 'rcrnet/configs/rcrnet-ner_lite0_davis-160.py'
NAMES = ('max_f', 's_measure', 'mae', 'j', 'f')


def main() -> int:
    """Train, test, print."""
    args = arguments()
    out = Path(args.out)
    videos = VideoSaliencyDataset(args.data, list_file='ImageSets/val.txt', encoding='binary', clips='all').videos
    results = {'centre prior': [metrics({video.name: centre_maps(video) for video in videos}, videos)]}
    for seed in args.seeds:
        started = time.monotonic()
        for row, maps in rows(out / f'seed{seed}', seed, videos, args):
            results.setdefault(row, []).append(metrics(maps, videos))
            shown = ', '.join(f'{name} {results[row][-1][name]:.3f}' for name in NAMES)
            print(f'seed {seed}, {row}: {shown} ({time.monotonic() - started:.0f} s)', flush=True)
            if seed == args.seeds[0]:
                write_png(out / f'{row.replace(" ", "_")}.png', sheet(*examples(maps, videos)))
    print(f'\n{len(videos)} test videos, {sum(len(video.frames) for video in videos)} frames')
    print(f'{"worst seed":24} ' + ' '.join(f'{name:>9}' for name in NAMES))
    for row, part in results.items():
        worst = min(part, key=lambda scores: scores['max_f'])
        print(f'{row:24} ' + ' '.join(f'{worst[name]:9.3f}' for name in NAMES))
    print()
    (out / 'results.json').write_text(json.dumps(results, indent=2))
    if not args.seeds:
        return 0
    ahead = min(found['max_f'] for found in results['video model']) - results['centre prior'][0]['max_f']
    return verdicts([(f'max-F of the video model above the centre prior: {ahead:+.3f}', ahead > 0, '> 0')])


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', required=True, help='videos in the layout of DAVIS')
    parser.add_argument('--images', required=True, help='folder with image/, mask/, train.txt')
    parser.add_argument('--out', default='work_dirs/real_clips')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--size', type=int, default=96)
    parser.add_argument('--image-iterations', type=int, default=120)
    parser.add_argument('--iterations', type=int, default=150)
    return parser.parse_args()


def rows(
    folder: Path, seed: int, videos: list[Video], args: argparse.Namespace
) -> Iterator[tuple[str, dict[str, list[np.ndarray]]]]:
    """Name of each row and its maps by video."""
    images = {
        'train_dataloader.dataset.data_root': args.images,
        'test_dataloader.dataset.data_root': args.images,
        'train_dataloader.dataset.pipeline.2.size': args.size,
        'test_dataloader.dataset.pipeline.2.size': args.size,
    }
    image = fit(IMAGE, folder / 'image', args.image_iterations, seed, images)
    still = ClipPredictor(init_model(str(IMAGE), str(image), 'cpu', texts(images)), length=1)
    yield 'image model', predicted(still, folder / 'maps_image', videos)
    clips = {
        'train_dataloader.dataset.data_root': args.data,
        'test_dataloader.dataset.data_root': args.data,
        'train_dataloader.dataset.pipeline.3.size': args.size,
        'test_dataloader.dataset.pipeline.2.size': args.size,
    }
    checkpoint = fit(VIDEO, folder / 'video', args.iterations, seed, {'load_from': image, **clips})
    model = init_model(str(VIDEO), str(checkpoint), 'cpu', texts(clips))
    yield 'video model', predicted(ClipPredictor(model), folder / 'maps_video', videos)


def predicted(predict: ClipPredictor, out: Path, videos: list[Video]) -> dict[str, list[np.ndarray]]:
    """Maps and overlay of every video as `salseg predict` writes them; the maps read back."""
    maps = {}
    for video in videos:
        predict_video(predict, video.frames[0].parent, out / video.name)
        maps[video.name] = [read_map(out / video.name / 'mask' / f'{stem}.png') for stem in video.stems]
    return maps


def centre_maps(video: Video) -> list[np.ndarray]:
    """The same Gaussian on every frame."""
    shape = read_image(video.frames[0]).shape[:2]
    return [np.rint(centre_prior(*shape) * 255).astype(np.uint8)] * len(video.frames)


def metrics(maps: dict[str, list[np.ndarray]], videos: list[Video]) -> dict[str, float]:
    """Metrics of the maps over all frames; J and F averaged per video first."""
    scores, region, boundary = [], [], []
    for video in videos:
        pairs = [(grey, read_annotation(path, 'binary') > 0) for grey, path in zip(maps[video.name], video.labels)]
        scores += [saliency_scores(grey, truth, metrics=('mae', 's', 'f')) for grey, truth in pairs]
        region.append(np.mean([region_similarity_j(grey >= 128, truth) for grey, truth in pairs]))
        boundary.append(np.mean([boundary_f(grey >= 128, truth) for grey, truth in pairs]))
    level = image_level(scores)
    found = {name: float(level[name]) for name in ('max_f', 's_measure', 'mae')}
    return dict(found, j=float(np.mean(region)), f=float(np.mean(boundary)))


def examples(maps: dict[str, list[np.ndarray]], videos: list[Video]) -> tuple[list[list[np.ndarray]], tuple[str, ...]]:
    """Two frames of each video beside truth, map and overlay."""
    shown = []
    for video in videos:
        for place in (len(video.frames) // 4, 3 * len(video.frames) // 4):
            image, grey = read_image(video.frames[place]), maps[video.name][place]
            truth = (read_annotation(video.labels[place], 'binary') > 0).astype(np.uint8) * 255
            shown.append([image, truth, grey, overlay_map(image, grey)])
    return shown, ('frame', 'truth', 'map', 'overlay')


if __name__ == '__main__':
    sys.exit(main())
