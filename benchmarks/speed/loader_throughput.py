"""Samples per second and core of the training pipeline of each published config, on drawn images of the sets' sizes.

    python benchmarks/speed/loader_throughput.py [CONFIG ...] [--samples 16] [--markdown]

Below a temporary folder each set that a config reads is drawn as `salseg convert` leaves it: the config is read as it is
but for lists, which name videos of the release. One thread; processor time, so that other processes matter little.
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
            or any(node['data_root'].startswith('data/pseudo') for node in folder_sets(loader))
        ):
            continue
        found.setdefault(str(loader.dataset), str(path))
    return list(found.values())


def measure(config: Any, args: argparse.Namespace) -> tuple[float, int]:
    """Samples per second of processor time, and images of a sample."""
    dataset = config.train_dataloader.dataset
    draw_sets(dataset, args.scale)
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


if __name__ == '__main__':
    sys.exit(main())
