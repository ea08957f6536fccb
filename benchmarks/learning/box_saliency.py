"""Still-image saliency learned from boxes, beside scribbles and full masks: SCWSSOD and the static network of RCRNet.

    python benchmarks/learning/box_saliency.py [--seeds 0 1 2] [--iterations 300]

Same network, images, iterations and seeds for the rows of one system; only losses and labels differ. Test images come
from a split that no training saw. Beside them stand a centre prior and the filled box of each test image's own mask, which
is more than any model is told. Prints every seed, then mean and worst, and what must hold.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scribble_losses import metrics, print_table
from tracking import learned

from salseg.apis import SaliencyPredictor
from salseg.datasets.synthetic.baselines import centre_prior
from salseg.datasets.synthetic.images import SyntheticImage, draw_image
from salseg.datasets.synthetic.videos import boxes_of_labels
from salseg.evaluation.metrics.saliency_metric import to_grey

PROJECTS = Path(__file__).resolve().parents[2] / 'projects'
FULL = ['train_dataloader.dataset.labels=mask', 'model.losses.lsc=None', 'model.losses.ssc=None']
FULL += ['model.extra_passes.rescaled=None']
# Row: config, options.
RUNS = {
    'scwssod, boxes': ('scwssod/configs/scwssod_lite0_boxes_synthetic-128.py', []),
    'scwssod, scribbles': ('scwssod/configs/scwssod_lite0_paper_synthetic-128.py', []),
    'scwssod, full masks': ('scwssod/configs/scwssod_lite0_paper_synthetic-128.py', FULL),
    'rcrnet, boxes': ('rcrnet/configs/rcrnet_lite0_boxes_synthetic-160.py', []),
    'rcrnet, full masks': ('rcrnet/configs/rcrnet_lite0_synthetic-160.py', []),
}
SIZE = 96


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/box_saliency')
    parser.add_argument('--iterations', type=int, default=300)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--test-images', type=int, default=64)
    parser.add_argument('--options', nargs='*', default=[], help='further overrides of every config')
    args = parser.parse_args(arguments)
    images = [draw_image(0, 'test', index, SIZE) for index in range(args.test_images)]
    results: dict[str, list[dict[str, float]]] = {
        'centre prior': [metrics([to_grey(centre_prior(SIZE, SIZE)) for _ in images], images)],
        'filled true box': [metrics([filled_box(image) for image in images], images)],
    }
    Path(args.out).mkdir(parents=True, exist_ok=True)
    for run in args.runs:
        results[run] = []
        for seed in args.seeds:
            started = time.monotonic()
            results[run].append(one(run, seed, args, images))
            numbers = ' '.join(f'{key} {value:.4f}' for key, value in results[run][-1].items())
            print(f'{run}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
            (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=1))
    print_table(results)
    found = list(claims(results))
    for text, value in found:
        print(f'{"holds" if value > 0 else "DOES NOT HOLD"}: {text}: {value:+.3f} (asked > 0)')
    return 0 if all(value > 0 for _, value in found) else 1


def filled_box(image: SyntheticImage) -> np.ndarray:
    """The smallest box around the mask, filled, on the 0-255 scale."""
    ((x0, y0, x1, y1),) = boxes_of_labels(image.mask.astype(np.uint8), 1)[0].astype(int)
    found = np.zeros(image.mask.shape, np.uint8)
    found[y0:y1, x0:x1] = 255
    return found


def one(run: str, seed: int, args: argparse.Namespace, images: list) -> dict[str, float]:
    """Train one row with one seed and measure it."""
    name, own = RUNS[run]
    folder = Path(args.out) / f'{list(RUNS).index(run)}_{args.iterations}_{seed}'
    options = [
        f'randomness.seed={seed}', f'train_cfg.max_iters={args.iterations}', f'param_scheduler.total={args.iterations}',
        f'default_hooks.checkpoint.interval={min(args.iterations, 100)}', 'default_hooks.logger.interval=100',
        f'train_dataloader.dataset.size={SIZE}', f'train_dataloader.dataset.pipeline.2.size={SIZE}',
        f'test_dataloader.dataset.pipeline.2.size={SIZE}', *own, *args.options,
    ]  # fmt: skip
    predictor = SaliencyPredictor(learned(PROJECTS / name, folder, args.iterations, options))
    return metrics([predictor([image.image])[0].saliency for image in images], images)


def claims(results: dict[str, list[dict[str, float]]]) -> Iterator[tuple[str, float]]:
    """What must hold on the worst seed."""
    for system in ('scwssod', 'rcrnet'):
        if rows := results.get(f'{system}, boxes'):
            beside = results['filled true box'][0]['iou']
            yield f'{system} from boxes, IoU more than the filled true box', min(row['iou'] for row in rows) - beside


if __name__ == '__main__':
    sys.exit(main())
