"""A folder of JPEGs through `salseg.predict_files` against the bare network on tensors that lie ready.

    OMP_NUM_THREADS=2 python benchmarks/speed/predict_folder.py [--images 24] [--rounds 3]

SCWSSOD in its released form (ResNet-50) at 320, masks only, one image per forward pass. The script draws images of
400x300 and writes them as JPEGs. First the maps of some in a folder must equal those of the network called by hand. Then both
take turns: all images through the network alone, and all from files to files; the best time of each counts, so that
other work on the machine disturbs both alike. Reading, resizing, the map's own size and writing may cost a tenth at most:
exits with 1 if the folder's throughput is below 0.9 of the network's. Weights are random; metrics do not depend on them.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from salseg.apis import SaliencyPredictor, init_model, predict_files
from salseg.datasets.synthetic import draw_image
from salseg.io.annotations import read_map
from salseg.io.images import read_image

CONFIG = Path(__file__).resolve().parents[2] / 'projects/scwssod/configs/scwssod_r50_released_duts-scribble-320.py'
SHARE = 0.9
COMPARED = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 0 if maps are equal and the bar holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=24)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--size', type=int, nargs=2, default=(300, 400), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--network', type=int, default=320, metavar='SIZE', help="side of the network's input")
    parser.add_argument('--quick', action='store_true', help='a lite model, a few images; speed is not judged')
    args = parser.parse_args(arguments)
    if args.quick:
        args.images, args.rounds, args.size, args.network = 3, 1, (40, 56), 64
    predictor = untrained('scwssod-lite' if args.quick else str(CONFIG), args.network)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder) / 'in', args.images, tuple(args.size))
        check_equal(predictor, paths[:COMPARED], Path(folder) / 'equal')
        bare, whole = race(predictor, paths, Path(folder), args.rounds)
    share = bare / whole
    print(
        f'threads of the network: {torch.get_num_threads()}; {len(paths)} images of {args.size}, network {args.network}'
    )
    print(
        f'network alone: {len(paths) / bare:.2f} images/s; folder to folder: {len(paths) / whole:.2f}, {share:.3f} of it'
    )
    print(f'asked: {SHARE} or more' + (' (not judged on so few)' if args.quick else ''))
    return 0 if args.quick or share >= SHARE else 1


def untrained(name: str, size: int) -> SaliencyPredictor:
    """A network with random weights, seeded, whose maps stay finite."""
    torch.manual_seed(0)
    model = init_model(name, device='cpu', options={'model.backbone.weights': None})
    for name, module in model.named_modules():
        if name.endswith('.bn3'):
            # Every residual block would add to the scale, and decoders multiply maps.
            torch.nn.init.zeros_(module.weight)
    predictor = SaliencyPredictor(model, random_weights=True)
    for transform in predictor.transforms:
        if hasattr(transform, 'height'):
            transform.height = transform.width = size
    return predictor


def write_images(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """JPEGs of drawn images."""
    folder.mkdir()
    paths = []
    for number in range(count):
        drawn = draw_image(0, 'folder', number, size).image
        paths.append(folder / f'{number:04d}.jpg')
        cv2.imwrite(str(paths[-1]), np.ascontiguousarray(drawn[..., ::-1]))
    return paths


def check_equal(predictor: SaliencyPredictor, paths: Sequence[Path], out: Path) -> None:
    """The folder holds what the network gives image by image.

    Raises:
        SystemExit: A map differs.
    """
    predict_files(predictor, paths, out)
    for path in paths:
        (by_hand,) = predictor([read_image(path)])
        if not np.array_equal(read_map(out / f'{path.stem}.png'), by_hand.saliency):
            raise SystemExit(f'{path.name}: the map in the folder is another one')
    print(f'{len(paths)} maps are equal, byte by byte', flush=True)


def race(predictor: SaliencyPredictor, paths: Sequence[Path], folder: Path, rounds: int) -> tuple[float, float]:
    """Best seconds of the network alone and of the folder."""
    model = predictor.model
    items = [predictor.prepare(read_image(path)) for path in paths]
    ready = [
        model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]), False)['inputs']
        for item in items
    ]
    best = [float('inf'), float('inf')]
    for number in range(rounds):
        started = time.perf_counter()
        with torch.inference_mode():
            for inputs in ready:
                model.run(inputs)
        between = time.perf_counter()
        predict_files(predictor, [paths[0].parent], folder / f'round{number}')
        seconds = between - started, time.perf_counter() - between
        print(f'round {number}: network {seconds[0]:.2f} s, folder {seconds[1]:.2f} s', flush=True)
        best = [min(pair) for pair in zip(best, seconds)]
    return best[0], best[1]


if __name__ == '__main__':
    sys.exit(main())
