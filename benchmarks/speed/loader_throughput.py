"""Samples per second and core of the training pipeline of each published config, on drawn images of the sets' sizes.

    python benchmarks/speed/loader_throughput.py [CONFIG ...] [--samples 16] [--markdown] [--plain]

Below a temporary folder each set that a config reads is drawn as `salseg convert` leaves it: the config is read as it is
but for lists, which name videos of the release. One thread; processor time, so that other processes matter little. With
--plain the same files are also loaded in the published code's own order, see plain_loading.py, in turns; both must give as
many images of the same size, and the last column is ours by theirs. Theirs ends with normalised floats, ours with bytes,
which the model's preprocessor normalises on the device.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from plain_loading import Sample, published_order

from salseg.catalog import list_configs
from salseg.datasets.synthetic.published import draw_sets, folder_sets
from salseg.engine.config import load_config
from salseg.registry import DATASETS


def main(arguments: list[str] | None = None) -> int:
    """Draw, load, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='names or files; by default one of each published pipeline')
    parser.add_argument('--samples', type=int, default=16)
    parser.add_argument('--scale', type=float, default=1.0, help='of the drawn images; below 1 only to try the script')
    parser.add_argument('--markdown', action='store_true', help='rows of a table')
    parser.add_argument(
        '--plain', action='store_true', help="beside the published code's own order, where it is public"
    )
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    here = Path.cwd()
    configs = args.configs or published()
    with tempfile.TemporaryDirectory() as folder:
        for name in configs:
            config = load_config(name)
            plain = published_order(Path(name).stem) if args.plain else None
            os.chdir(folder)
            try:
                speed, samples, theirs = measure(config, args, plain)
            finally:
                os.chdir(here)
            cells = [Path(name).stem, f'{speed:.1f}', 'clip' if samples > 1 else 'image', f'{speed * samples:.1f}']
            if args.plain:
                cells += ['no code is public', ''] if theirs is None else [f'{theirs:.1f}', f'{speed / theirs:.2f}']
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
            or 'synthetic' in path.stem
            or not loader
            or any(node['data_root'].startswith('data/pseudo') for node in folder_sets(loader))
        ):
            continue
        found.setdefault(str(loader.dataset), str(path))
    return list(found.values())


def measure(config: Any, args: argparse.Namespace, plain: Sample | None = None) -> tuple[float, int, float | None]:
    """Samples per second of processor time, images of a sample, and samples per second in the published order."""
    dataset = config.train_dataloader.dataset
    draw_sets(dataset, args.scale)
    built = DATASETS.build(dataset.to_dict() if hasattr(dataset, 'to_dict') else dict(dataset))
    order = [int(index) for index in np.random.default_rng(0).integers(0, len(built), args.samples)]
    files = [files_of(built, index) for index in order]
    # Once before, so that files are in memory and flow, which is computed once for a training, is kept.
    first, *_ = [built[index] for index in order]
    inputs = first['inputs']
    if plain is not None:
        images = plain(*files[0])[0]
        ours = inputs if inputs.ndim == 4 else inputs.unsqueeze(0)
        if images.shape != ours.shape:
            raise SystemExit(f'the published order gives {tuple(images.shape)}, ours {tuple(ours.shape)}')
    seconds = [0.0, 0.0]
    for index, paths in zip(order, files):
        begun = time.process_time()
        built[index]
        seconds[0] += time.process_time() - begun
        if plain is not None:
            begun = time.process_time()
            plain(*paths)
            seconds[1] += time.process_time() - begun
    theirs = None if plain is None else args.samples / seconds[1]
    return args.samples / seconds[0], len(inputs) if inputs.ndim == 4 else 1, theirs


def files_of(dataset: Any, index: int) -> tuple[list[str], list[str | None]]:
    """Images and labels that a draw reads, after the steps that choose frames."""
    if hasattr(dataset, 'locate'):
        which, index = dataset.locate(index)
        dataset = dataset.datasets[which]
    results = dataset.begin(0, index)
    for transform in dataset.transforms:
        if type(transform).__name__ == 'LoadFrames':
            break
        results = transform(results)
    return list(results['frame_paths']), list(results['label_paths'])


if __name__ == '__main__':
    sys.exit(main())
