"""Does mask-guided-fcn-lite use its masks? The same weights with true masks, masks of other images, and ones.

Trained on synthetic images, every one with the mask that is learnt from it alone; tested on other images. The
smoothing afterwards is left out: this is about the network. Two further rows tell what the masks are worth: the learnt
masks themselves, and the network with the truth as its mask. Prints every seed, the worst, and what must hold.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from group_metrics import Claim, overlap, say, timed
from torch import Tensor

from salseg.apis import SaliencyPredictor, init_model
from salseg.datasets.synthetic.baselines import centre_prior
from salseg.datasets.synthetic.images import SyntheticImage, draw_image
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import to_grey

CONFIG = (
    Path(__file__).resolve().parents[2]
    / 'projects/mask_guided_fcn/configs/mask-guided-fcn_lite0_paper_synthetic-160.py'
)
AT_ONCE = 16
Score = dict[str, float]


def main() -> int:
    """Train, test with all masks, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='work_dirs/mask_guided')
    parser.add_argument('--iterations', type=int, default=120)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--test-images', type=int, default=64)
    parser.add_argument('--size', type=int, default=96)
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = [draw_image(0, 'test', index, args.size) for index in range(args.test_images)]
    prior = to_grey(centre_prior(args.size, args.size))
    results: dict[str, list[Score]] = {'centre prior': [score([prior] * len(images), images)]}
    for seed in args.seeds:
        for row, found in one(seed, args, images).items():
            results.setdefault(row, []).append(found)
            print(f'{row}, seed {seed}: IoU {found["iou"]:.3f} max-F {found["max_f"]:.3f}', flush=True)
    print_table(results)
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return say(claims(results))


def one(seed: int, args: argparse.Namespace, images: Sequence[SyntheticImage]) -> dict[str, Score]:
    """Train with one seed, test with all masks."""
    folder = Path(args.out) / str(seed)
    options = [
        f'randomness.seed={seed}', f'train_dataloader.dataset.world={seed}', 'train_dataloader.num_workers=0',
        f'train_cfg.max_iters={args.iterations}', f'param_scheduler.total={args.iterations}',
        f'default_hooks.checkpoint.interval={args.iterations}', 'default_hooks.logger.interval=50',
        f'train_dataloader.dataset.size={args.size}', f'train_dataloader.dataset.pipeline.2.size={args.size}',
        f'test_dataloader.dataset.pipeline.2.size={args.size}', 'model.postprocess.smoothing=None',
    ]  # fmt: skip
    _, seconds = timed(lambda: train(str(CONFIG), options, str(folder)))
    print(f'seed {seed}: trained in {seconds:.0f} s of one core', flush=True)
    model = init_model(str(CONFIG), str(folder / f'iter_{args.iterations}.pth'), 'cpu', options=options)
    rows = predictions(SaliencyPredictor(model), images)
    return {row: score(maps, images) for row, maps in rows.items()}


@torch.inference_mode()
def predictions(predictor: SaliencyPredictor, images: Sequence[SyntheticImage]) -> dict[str, list[np.ndarray]]:
    """Maps (H, W) uint8 of all images by row."""
    model = predictor.model
    items = [predictor.prepare(image.image) for image in images]
    batch = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
    inputs = model.data_preprocessor(batch)['inputs']
    learnt = model.learner(inputs.frames)
    truth = torch.from_numpy(np.stack([image.mask for image in images]))[:, None, None].float()
    masks = {
        'true masks': learnt,
        'masks of other images': learnt.roll(1, dims=0),
        'ones': torch.ones_like(learnt),
        'the truth as mask': F.adaptive_avg_pool2d(truth[:, 0], learnt.shape[-2:])[:, None],
    }

    def run(guidance: Tensor) -> list[np.ndarray]:
        maps: list[np.ndarray] = []
        for start in range(0, len(images), AT_ONCE):
            chosen = slice(start, start + AT_ONCE)
            part = replace(inputs, frames=inputs.frames[chosen], guidance=guidance[chosen])
            maps += [to_grey(x) for x in torch.sigmoid(model(part)['logits'])[:, 0, 0]]
        return maps

    rows = {row: run(guidance) for row, guidance in masks.items()}
    size = tuple(inputs.frames.shape[-2:])
    enlarged = F.interpolate(learnt[:, 0], size, mode='bicubic', align_corners=False).clamp(0, 1)
    return {**rows, 'the learnt masks': [to_grey(mask) for mask in enlarged[:, 0]]}


def score(maps: Sequence[np.ndarray], images: Sequence[SyntheticImage]) -> Score:
    """IoU at one half and max-F."""
    max_f = image_level(saliency_scores(m, p.mask, metrics=('f',)) for m, p in zip(maps, images))['max_f']
    return dict(iou=float(np.mean([overlap(m, p.mask) for m, p in zip(maps, images)])), max_f=float(max_f))


def print_table(results: dict[str, list[Score]]) -> None:
    """Mean and worst of every row."""
    print(f'\n{"":24} {"IoU mean":>9} {"worst":>7} {"max-F mean":>11} {"worst":>7}')
    for row, part in results.items():
        iou, f = ([found[key] for found in part] for key in ('iou', 'max_f'))
        print(f'{row:24} {np.mean(iou):9.3f} {min(iou):7.3f} {np.mean(f):11.3f} {min(f):7.3f}')


def claims(results: dict[str, list[Score]]) -> list[Claim]:
    """What must hold on every seed; prints whether learnt masks are worth more than none."""
    own = results['true masks']
    shuffled = min(a['iou'] - b['iou'] for a, b in zip(own, results['masks of other images']))
    ones = [a['iou'] - b['iou'] for a, b in zip(own, results['ones'])]
    truth = min(a['iou'] - b['iou'] for a, b in zip(results['the truth as mask'], results['ones']))
    print(f'IoU with learnt masks minus ones, by seed: {", ".join(f"{value:+.3f}" for value in ones)}')
    above = min(row['max_f'] for row in own) - results['centre prior'][0]['max_f']
    return [
        (f'IoU with true masks minus those of other images, worst seed: {shuffled:+.3f}', shuffled > 0, '> 0'),
        (f'IoU with the truth as mask minus ones, worst seed: {truth:+.3f}', truth > 0, '> 0'),
        (f'max-F above the centre prior, worst seed: {above:+.3f}', above > 0, '> 0'),
    ]


if __name__ == '__main__':
    sys.exit(main())
