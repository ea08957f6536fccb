"""Samples per second and core of the training pipeline of each published config, on drawn images of the sets' sizes.

    python benchmarks/speed/loader_throughput.py [CONFIG ...] [--samples 16] [--markdown]

Below a temporary folder each set that a config reads is drawn as `salseg convert` leaves it: the config is read as it is
but for lists, which name videos of the release. One thread; processor time, so that other processes matter little.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from salseg.catalog import list_configs
from salseg.datasets.synthetic import draw_image, draw_video
from salseg.engine.config import load_config
from salseg.registry import DATASETS
from salseg.visualization.palette import write_label_png

# (height, width) as most images of a set have it.
SIZES = {
    'CoCo-SEG': (224, 224), 'FSS-1000': (224, 224), 'HRSOD': (480, 720), 'BIG': (480, 720), 'COCO': (480, 640),
    'VOC2012': (375, 500), 'DAVIS-2016': (480, 854), 'DAVIS-2017': (480, 854), 'YouTube-VOS': (480, 853),
    'BL30K': (512, 768), 'FBMS': (480, 640), 'VOS': (448, 800),
}  # fmt: skip
USUAL = (300, 400)
# Frames: three labels are kept of every twentieth.
IMAGES, VIDEOS, FRAMES, GROUPS = 6, 2, 48, 3
LISTS = ('list_file', 'videos')


def main(arguments: list[str] | None = None) -> int:
    """Draw, load, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='names or files; by default one of each published pipeline')
    parser.add_argument('--samples', type=int, default=16)
    parser.add_argument('--scale', type=float, default=1.0, help='of the drawn images; below 1 only to try the script')
    parser.add_argument('--markdown', action='store_true', help='rows of a table')
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    here = Path.cwd()
    configs = args.configs or published()
    with tempfile.TemporaryDirectory() as folder:
        for name in configs:
            config = load_config(name)
            os.chdir(folder)
            try:
                speed, samples = measure(config, args)
            finally:
                os.chdir(here)
            cells = (Path(name).stem, f'{speed:.1f}', 'clip' if samples > 1 else 'image', f'{speed * samples:.1f}')
            print(f'| {" | ".join(cells)} |' if args.markdown else '  '.join(cells), flush=True)
    return 0


def published() -> list[str]:
    """One config of each training pipeline of a paper; the small ones for a CPU are left out."""
    found: dict[str, str] = {}
    for path in list_configs():
        config = load_config(str(path))
        loader = config.get('train_dataloader')
        if (
            '_lite' in path.stem
            or not loader
            or any(node['data_root'].startswith('data/pseudo') for node in sets(loader))
        ):
            continue
        found.setdefault(str(loader.dataset), str(path))
    return list(found.values())


def sets(node: Any) -> Iterator[Any]:
    """Data sets of a config that read a folder."""
    if isinstance(node, Mapping):
        if 'data_root' in node and 'type' in node:
            yield node
        for value in list(node.values()):
            yield from sets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from sets(value)


def measure(config: Any, args: argparse.Namespace) -> tuple[float, int]:
    """Samples per second of processor time, and images of a sample."""
    dataset = config.train_dataloader.dataset
    for node in sets(dataset):
        draw(node, args.scale)
        for key in LISTS:
            node.pop(key, None)
    built = DATASETS.build(dataset.to_dict() if hasattr(dataset, 'to_dict') else dict(dataset))
    order = np.random.default_rng(0).integers(0, len(built), args.samples)
    # Once before, so that files are in memory and flow, which is computed once for a training, is kept.
    first, *_ = [built[int(index)] for index in order]
    begun = time.process_time()
    for index in order:
        built[int(index)]
    seconds = time.process_time() - begun
    inputs = first['inputs']
    return args.samples / seconds, len(inputs) if inputs.ndim == 4 else 1


def draw(node: Any, scale: float) -> None:
    """The set that a config reads, as `salseg convert` leaves it; one that is drawn already stays."""
    root = Path(node['data_root'])
    name = root.parts[1]
    height, width = (round(side * scale) for side in SIZES.get(name, USUAL))
    ids = node.get('encoding') == 'index'
    folder = 'scribble' if node.get('encoding') == 'scribble' else 'mask'
    if (root / folder).is_dir() or (root / 'gt').is_dir() or (root / 'Annotations').is_dir():
        return
    if node['type'] == 'SaliencyDataset':
        for number in range(IMAGES):
            image = draw_image(0, 'train', number, (height, width))
            labels = image.scribble if folder == 'scribble' else image.mask
            write(root / 'image' / f'{number}.jpg', image.image)
            write_mask(root / folder / f'{number}.png', labels, ids or folder == 'scribble')
    elif node['type'] == 'GroupDataset':
        for number in range(GROUPS * IMAGES * 2):
            image = draw_image(0, 'train', number, (height, width))
            key = f'{number % GROUPS}/{number}'
            write(root / 'image' / f'{key}.png', image.image)
            write_mask(root / 'gt' / f'{key}.png', image.mask, False)
    else:
        for video in range(VIDEOS):
            frames = draw_video(0, 'train', video, size=(height, width), length=FRAMES, leaving=False)
            for number, frame in enumerate(frames):
                key = f'{video}/{number:05d}'
                write(root / 'JPEGImages' / f'{key}.jpg', frame.image)
                write_mask(root / 'Annotations' / f'{key}.png', frame.labels, ids)
        stems = [f'{number:05d}' for number in range(FRAMES)]
        objects = {str(k): dict(category='thing', frames=stems) for k in (1, 2)}
        meta = dict(videos={str(video): dict(objects=objects) for video in range(VIDEOS)})
        (root / 'meta.json').write_text(json.dumps(meta))


def write(path: Path, image: np.ndarray) -> None:
    """An RGB image as cameras and releases compress it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix == '.jpg' else []
    cv2.imwrite(str(path), image[..., ::-1], quality)


def write_mask(path: Path, labels: np.ndarray, ids: bool) -> None:
    """Ids, or 0 and 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_label_png(path, labels if ids else (labels > 0) * np.uint8(255))


if __name__ == '__main__':
    sys.exit(main())
