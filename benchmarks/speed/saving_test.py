"""What `salseg test --out` costs over `salseg test`: processor time of the pass, whose maps must be the same.

    OMP_NUM_THREADS=1 python benchmarks/speed/saving_test.py [--images 24] [--size 320] [--rounds 5]

A small network is tested on images of 300x400 that lie in a folder, without and with its maps kept, in turn. Processor time
counts all threads of this process, so that other work on the machine does not; the medians are compared. Of the first kept
pass the maps are compared with those that the network gives in Python.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from salseg.apis import SaliencyPredictor, init_model
from salseg.apis.set_files import SetFiles
from salseg.datasets.synthetic import write_dataset
from salseg.engine.test import test
from salseg.io.annotations import read_map
from salseg.io.images import read_image

CONFIG = 'projects/scwssod/configs/scwssod_lite0_paper_folder-192.py'


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, default=24)
    parser.add_argument('--size', type=int, default=320, help='of the network, in pixels')
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ratio = compare(Path(folder), args.images, args.size, args.rounds)
    print(f'saving costs {100 * (ratio - 1):.1f} % of the processor time of a test')


def compare(folder: Path, images: int, size: int, rounds: int) -> float:
    """Time with saving over that without."""
    write_dataset('sod', folder / 'data', splits=dict(test=images), size=(300, 400))
    dataset = 'test_dataloader.dataset'
    options = [
        f'{dataset}.data_root={folder / "data"}', f'{dataset}.list_file=test.txt', f'{dataset}.name=images',
        f'{dataset}.pipeline.2.size={size}', 'test_dataloader.num_workers=0', 'test_dataloader.batch_size=1',
        'log_level=WARNING',
    ]  # fmt: skip
    model = init_model(CONFIG, device='cpu', options=options, pretrained=False)
    weights = folder / 'random.pth'
    torch.save(dict(state_dict=model.state_dict()), weights)
    sinks = [None, *(SetFiles(folder / f'out{number}') for number in range(rounds))]
    times: dict[bool, list[float]] = {False: [], True: []}
    metrics = []
    for number in range(rounds + 1):
        for sink in (None, sinks[number]):
            # Round 0 warms up.
            began = time.process_time()
            metrics.append(test(CONFIG, str(weights), options, str(folder / 'work'), sink=sink))
            if number:
                times[sink is not None].append(time.process_time() - began)
    if any(found != metrics[0] for found in metrics):
        raise SystemExit('metrics differ')
    predictor = SaliencyPredictor(model, random_weights=True)
    for path in sorted((folder / 'data/image').iterdir())[:3]:
        expected = predictor([read_image(path)])[0].saliency
        np.testing.assert_array_equal(read_map(folder / f'out0/images/{path.stem}.png'), expected)
    without, with_saving = (statistics.median(times[kind]) for kind in (False, True))
    print(f'{images} images of 300x400, network at {size}: {without:.2f} s without, {with_saving:.2f} s with saving')
    return with_saving / without


if __name__ == '__main__':
    main()
