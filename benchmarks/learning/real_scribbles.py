"""SCWSSOD-lite on a few real images: scribbles against full masks, with and without local saliency coherence.

Needs a folder in the field's layout: image/, mask/, train.txt, test.txt. Scribbles are drawn from the training masks unless
the folder holds its own (scribble/). Beside the runs stand a centre prior and a border-contrast map. Prints a table and
writes a sheet of test images.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from salseg.apis import SaliencyPredictor, init_model
from salseg.datasets import SaliencyDataset
from salseg.datasets.synthetic.baselines import border_contrast, centre_prior
from salseg.datasets.synthetic.scribbles import draw_scribbles
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import table, to_grey
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image, write_png
from salseg.visualization import overlay_map, sheet

CONFIG = Path(__file__).resolve().parents[2] / 'projects/scwssod/configs/scwssod_lite0_paper_folder-192.py'
# Name, options of the config.
RUNS = {
    'scribbles + LSC': [],
    'scribbles': ['model.losses.lsc=None'],
    'full masks': [
        'train_dataloader.dataset.label_folder=mask',
        'train_dataloader.dataset.encoding=binary',
        'model.losses.lsc=None',
    ],
    'scribbles + LSC, random features': ['model.backbone.weights=None', 'model.norm_eval=False'],
}


def main() -> int:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', required=True, help='folder with image/, mask/, train.txt and test.txt')
    parser.add_argument('--test-data', help='another folder for the test images')
    parser.add_argument('--out', default='work_dirs/real_scribbles')
    parser.add_argument('--iterations', type=int, default=400)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    args = parser.parse_args()
    data, test_data, out = Path(args.data), Path(args.test_data or args.data), Path(args.out)
    root = with_scribbles(data, out / 'data')
    names = (test_data / 'test.txt').read_text().split() if (test_data / 'test.txt').is_file() else None
    test = SaliencyDataset(str(test_data), list_file='test.txt' if names else None)
    images = [(read_image(image), read_annotation(mask, 'binary') > 0) for _, image, mask in test.items]
    results = {
        'centre prior': [score([to_grey(centre_prior(*truth.shape)) for _, truth in images], images)],
        'border contrast': [score([to_grey(border_contrast(image)) for image, _ in images], images)],
    }
    for run in args.runs:
        results[run] = []
        for seed in args.seeds:
            started = time.monotonic()
            maps = train_and_predict(run, seed, root, out, args.iterations, images)
            results[run].append(score(maps, images))
            last = results[run][-1]
            print(
                f'{run}, seed {seed}: max-F {last["max_f"]:.3f} MAE {last["mae"]:.3f} ({time.monotonic() - started:.0f} s)',
                flush=True,
            )
            if seed == args.seeds[0]:
                rows = [
                    [image, truth.astype(np.uint8) * 255, m, overlay_map(image, m)]
                    for (image, truth), m in zip(images, maps)
                ]
                name = run.replace(' ', '_').replace(',', '').replace('+', 'and')
                write_png(out / f'{name}.png', sheet(rows[:10], ('image', 'truth', 'map', 'overlay')))
    print(summary(results))
    worst = {
        run: dict(max_f=min(s['max_f'] for s in part), mae=max(s['mae'] for s in part)) for run, part in results.items()
    }
    (out / 'results.json').write_text(json.dumps(worst, indent=2))
    return 0


def with_scribbles(data: Path, target: Path) -> Path:
    """The training half with scribbles, drawn from the masks where the folder has none."""
    if (data / 'scribble').is_dir():
        return data
    for folder in ('image', 'mask'):
        if not (target / folder).is_dir():
            shutil.copytree(data / folder, target / folder)
    shutil.copy(data / 'train.txt', target / 'train.txt')
    (target / 'scribble').mkdir(exist_ok=True)
    fractions = []
    for stem in (data / 'train.txt').read_text().split():
        mask = read_annotation(data / 'mask' / f'{stem}.png', 'binary') > 0
        scribbles = draw_scribbles(mask, np.random.default_rng(int.from_bytes(stem.encode(), 'little') % 2**32))
        fractions.append(float((scribbles > 0).mean()))
        Image.fromarray(scribbles).save(target / 'scribble' / f'{stem}.png')
    print(f'scribbles on {len(fractions)} images, {np.mean(fractions):.1%} of the pixels')
    return target


def train_and_predict(
    run: str, seed: int, root: Path, out: Path, iterations: int, images: list[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """Maps of the test images after one training, or by the last checkpoint of an earlier one."""
    options = [
        f'train_dataloader.dataset.data_root={root}', f'randomness.seed={seed}', f'train_cfg.max_iters={iterations}',
        f'default_hooks.checkpoint.interval={iterations}',
        'train_dataloader.num_workers=0', 'default_hooks.logger.interval=100',
        'train_dataloader.dataset.list_file=train.txt', *RUNS[run],
    ]  # fmt: skip
    folder = out / f'{list(RUNS).index(run)}_{seed}'
    checkpoint = folder / f'iter_{iterations}.pth'
    if not checkpoint.is_file():
        train(str(CONFIG), options, str(folder))
    predictor = SaliencyPredictor(init_model(str(CONFIG), str(checkpoint), options=options))
    return [predictor([image])[0].saliency for image, _ in images]


def score(maps: list[np.ndarray], images: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Metrics over the test images."""
    scores = [saliency_scores(m, truth) for m, (_, truth) in zip(maps, images)]
    return dict(image_level(scores), images=len(scores))


def summary(results: dict[str, list[dict]]) -> str:
    """A row for the worst seed of each run."""
    worst = {f'{run} (worst of {len(part)})': min(part, key=lambda s: s['max_f']) for run, part in results.items()}
    return table(worst)


if __name__ == '__main__':
    torch.set_num_threads(max(1, torch.get_num_threads()))
    sys.exit(main())
