"""What local saliency coherence, structure consistency and AGGM bring on synthetic scribbles, against full masks.

Same network, images, iterations and seeds for every row; only the losses or the aggregation differ. Test images come
from a split that no training saw. Structure consistency is judged by how much the maps change when the image is made
smaller. Prints every seed, then the worst, and what must hold.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from salseg.apis import SaliencyPredictor, init_model
from salseg.datasets.synthetic.baselines import border_contrast, centre_prior
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import to_grey

CONFIG = Path(__file__).resolve().parents[2] / 'projects/scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
WITHOUT = ['model.losses.lsc=None', 'model.losses.ssc=None', 'model.extra_passes.rescaled=None']
FULL = ['train_dataloader.dataset.labels=mask', *WITHOUT]
# The released code's cross-entropy on probabilities, and its bandwidth that shrinks tenfold from output to output.
WIDTHS = {'_delete_': True, 'logits': 0.2, 'logits_3': 0.02, 'logits_4': 0.002, 'logits_5': 0.0002}
RELEASED = ['model.losses.pce.form=released', f'model.losses.lsc.sigma_image={WIDTHS}']
RUNS = {
    'pce': WITHOUT,
    'pce + LSC': WITHOUT[1:],
    'pce + SSC': ['model.losses.lsc=None'],
    'pce + LSC + SSC': [],
    'pce + LSC + SSC, no AGGM': ['model.neck.attention=False'],
    'full masks': FULL,
    'pce + LSC + SSC, as released': RELEASED,
}  # fmt: skip
SIZE = 96


def main() -> int:
    """Train all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='work_dirs/scribble_losses')
    parser.add_argument('--iterations', type=int, default=300)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--test-images', type=int, default=64)
    args = parser.parse_args()
    images = [draw_image(0, 'test', index, SIZE) for index in range(args.test_images)]
    results: dict[str, list[dict[str, float]]] = {}
    for name, make in (
        ('centre prior', lambda p: centre_prior(SIZE, SIZE)),
        ('border contrast', lambda p: border_contrast(p.image)),
    ):
        results[name] = [metrics([to_grey(make(image)) for image in images], images)]
    for run in args.runs:
        results[run] = []
        for seed in args.seeds:
            started = time.monotonic()
            results[run].append(one(run, seed, args, images))
            numbers = ' '.join(f'{key} {value:.4f}' for key, value in results[run][-1].items())
            print(f'{run}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
    print_table(results)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return report(results)


def one(run: str, seed: int, args: argparse.Namespace, images: list) -> dict[str, float]:
    """Train one row with one seed, unless its last checkpoint is there already, and measure it."""
    folder = Path(args.out) / f'{list(RUNS).index(run)}_{seed}'
    options = [
        f'randomness.seed={seed}', f'train_cfg.max_iters={args.iterations}',
        f'default_hooks.checkpoint.interval={args.iterations}', 'default_hooks.logger.interval=100',
        f'train_dataloader.dataset.size={SIZE}', f'train_dataloader.dataset.pipeline.2.size={SIZE}',
        f'test_dataloader.dataset.pipeline.2.size={SIZE}', *RUNS[run],
    ]  # fmt: skip
    if 'model.losses.lsc=None' not in RUNS[run]:
        options.append(f'model.losses.lsc.ramp_iterations={args.iterations // 3}')
    checkpoint = folder / f'iter_{args.iterations}.pth'
    if not checkpoint.is_file():
        train(str(CONFIG), options, str(folder))
    predictor = SaliencyPredictor(init_model(str(CONFIG), str(checkpoint), options=options))
    maps = [predictor([image.image])[0].saliency for image in images]
    return {**metrics(maps, images), 'rescaling': rescaling(predictor, maps, images)}


def metrics(maps: list[np.ndarray], images: list) -> dict[str, float]:
    """MAE of maps as they are, IoU at one half averaged over images, max-F."""
    plain = image_level(saliency_scores(m, p.mask, metrics=('f',)) for m, p in zip(maps, images))
    unions = [((m >= 128) | p.mask).sum() for m, p in zip(maps, images)]
    overlaps = [((m >= 128) & p.mask).sum() for m, p in zip(maps, images)]
    mae = float(np.mean([np.abs(m / 255 - p.mask).mean() for m, p in zip(maps, images)]))
    iou = float(np.mean([o / max(u, 1) for o, u in zip(overlaps, unions)]))
    return dict(mae=mae, iou=iou, max_f=plain['max_f'])


def rescaling(predictor: SaliencyPredictor, maps: list[np.ndarray], images: list) -> float:
    """Mean absolute change of the map when the image is halved first; the predictor enlarges it again."""
    changes = []
    for saliency, image in zip(maps, images):
        small = cv2.resize(image.image, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
        back = cv2.resize(predictor([small])[0].saliency, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
        changes.append(np.abs(back.astype(float) - saliency).mean() / 255)
    return float(np.mean(changes))


def print_table(results: dict[str, list[dict[str, float]]]) -> None:
    """Mean and worst of every row."""
    print(
        f'\n{"":28} {"MAE mean":>9} {"worst":>7} {"IoU mean":>9} {"worst":>7} {"max-F mean":>10} {"worst":>7} {"rescaling":>9}'
    )
    for name, part in results.items():
        mae, iou, f = ([row[key] for row in part] for key in ('mae', 'iou', 'max_f'))
        change = [row['rescaling'] for row in part if 'rescaling' in row]
        tail = f'{np.mean(change):9.4f}' if change else ''
        print(
            f'{name:28} {np.mean(mae):9.4f} {max(mae):7.4f} {np.mean(iou):9.4f} {min(iou):7.4f} '
            f'{np.mean(f):10.4f} {min(f):7.4f} {tail}'
        )


def report(results: dict[str, list[dict[str, float]]]) -> int:
    """Say of each claim whether it holds on every seed; status 1 if one does not."""
    claims = []
    if {'pce', 'pce + LSC', 'full masks'} <= set(results):
        pairs = list(zip(results['pce'], results['pce + LSC'], results['full masks']))
        ratio = max(lsc['mae'] / pce['mae'] for pce, lsc, _ in pairs)
        closed = min((lsc['iou'] - pce['iou']) / max(full['iou'] - pce['iou'], 1e-6) for pce, lsc, full in pairs)
        claims.append((f'MAE with LSC / without, worst seed: {ratio:.2f}', ratio <= 0.8, '<= 0.80'))
        claims.append(
            (
                f'fraction of the IoU gap to full masks that LSC closes, worst seed: {closed:.0%}',
                closed >= 0.2,
                '>= 20%',
            )
        )
    for without, with_ssc in (('pce', 'pce + SSC'), ('pce + LSC', 'pce + LSC + SSC')):
        if {without, with_ssc} <= set(results):
            claims += consistency(without, list(zip(results[without], results[with_ssc])))
    for text, holds, bar in claims:
        print(f'{"holds" if holds else "DOES NOT HOLD"}: {text} (asked {bar})')
    return 0 if all(holds for _, holds, _ in claims) else 1


def consistency(beside: str, pairs: list[tuple[dict[str, float], dict[str, float]]]) -> list[tuple[str, bool, str]]:
    """What structure consistency must hold, added to a row."""
    drop = min(1 - after['rescaling'] / before['rescaling'] for before, after in pairs)
    gain = min(after['iou'] - before['iou'] for before, after in pairs)
    return [
        (f'SSC beside {beside}: maps change less under rescaling, worst seed: {drop:.0%}', drop >= 0.2, '>= 20%'),
        (f'SSC beside {beside}: IoU with minus without, worst seed: {gain:+.3f}', gain >= -0.01, '>= -0.01'),
    ]


if __name__ == '__main__':
    sys.exit(main())
