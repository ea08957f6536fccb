"""What multi-scale label smoothing adds to a dense CRF on bad maps of synthetic groups, and what the companions do in it.

The degradation is fixed. Three images of five have maps that are weak but right: the shared object at a level between
0.6 and 0.8, the other two between 0.1 and 0.4. In the rest all three lie between 0.45 and 0.55, so that the companions
alone can tell which is meant. The background has 0.15; all is blurred and disturbed by smooth noise. No training. Rows:
the maps as they are, the CRF alone, smoothing of every image alone, with its group and with foreign companions, all
with the random field's marginal as result, so that like is compared with like; last the paper's masked map. F at mean +
standard deviation is the paper's measure; mean F is over all thresholds. Prints every seed, the worst, what must hold,
how much of the gain foreign companions leave, and the time for each image.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from group_metrics import Claim, say, timed

from salseg.datasets.synthetic.groups import GroupImage, draw_group
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models.postprocessors import DenseCRF, LabelSmoothing
from salseg.structures import SalDataSample

SHARED, OTHERS, UNDECIDED, BACKGROUND = (0.6, 0.8), (0.1, 0.4), (0.45, 0.55), 0.15
FRACTION_UNDECIDED, NOISE = 0.4, 0.06
GROUP = 5
Step = Callable[[SalDataSample], SalDataSample]


@dataclass(frozen=True)
class Given:
    """An image, its truth, and the map to be fixed, (H, W) float32 in [0, 1]."""

    image: np.ndarray
    mask: np.ndarray
    saliency: np.ndarray


def main() -> int:
    """Run all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='work_dirs/label_smoothing')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--groups', type=int, default=12)
    parser.add_argument('--size', type=int, default=160)
    parser.add_argument('--backend', choices=('bilateral', 'exact', 'permutohedral'), default='bilateral')
    args = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        for name, found in one(seed, args).items():
            results.setdefault(name, []).append(found)
            print(f'{name}, seed {seed}: ' + ' '.join(f'{key} {value:.4f}' for key, value in found.items()), flush=True)
    print_table(results)
    Path(args.out).mkdir(parents=True, exist_ok=True)
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return say(claims(results))


def one(seed: int, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Metrics of all rows on the groups of one seed."""
    drawn = [draw_group(seed, 'smoothing', index, GROUP, args.size) for index in range(args.groups)]
    rng = np.random.default_rng(seed)
    groups = [[Given(p.image, p.mask, degraded(p, rng)) for p in group.images] for group in drawn]
    singles = [[given] for group in groups for given in group]
    foreign = [[groups[(g + m) % len(groups)][m] for m in range(GROUP)] for g in range(len(groups))]
    smoothing = LabelSmoothing(args.backend, output='marginal')
    rows: dict[str, tuple[Step | None, list[list[Given]]]] = {
        'degraded': (None, groups),
        'dense CRF': (DenseCRF(args.backend), groups),
        'smoothing, alone': (smoothing, singles),
        'smoothing, true group': (smoothing, groups),
        'smoothing, foreign': (smoothing, foreign),
        'smoothing, masked': (LabelSmoothing(args.backend), groups),
    }
    return {name: metrics(step, sets) for name, (step, sets) in rows.items()}


def degraded(image: GroupImage, rng: np.random.Generator) -> np.ndarray:
    """The map that a weak model might give, (H, W) float32 in [0, 1]."""
    value = np.full(image.labels.shape, BACKGROUND, np.float32)
    undecided = rng.random() < FRACTION_UNDECIDED
    for label in (1, 2, 3):
        decided = SHARED if label == image.shared else OTHERS
        value[image.labels == label] = rng.uniform(*(UNDECIDED if undecided else decided))
    unit = image.labels.shape[0] / 160
    noise = cv2.GaussianBlur(rng.standard_normal(value.shape).astype(np.float32), (0, 0), 6 * unit)
    value = cv2.GaussianBlur(value, (0, 0), 3 * unit) + NOISE * noise / max(float(noise.std()), 1e-6)
    return np.clip(value, 0, 1)


def metrics(step: Step | None, sets: Sequence[Sequence[Given]]) -> dict[str, float]:
    """Mean F, F at mean + standard deviation, and milliseconds of processor time for each image."""
    scores, seconds = [], 0.0
    for members in sets:
        sample = SalDataSample(metainfo=dict(frame_ids=[str(index) for index in range(len(members))]))
        sample.original_images = [given.image for given in members]
        sample.pred_maps = [torch.from_numpy(given.saliency) for given in members]
        if step is not None:
            sample, spent = timed(lambda sample=sample: step(sample))
            seconds += spent
        scores += [
            saliency_scores(to_grey(found), given.mask, metrics=('f',))
            for found, given in zip(sample.pred_maps, members)
        ]
    level = image_level(scores)
    paper = [f_measure(s['mustd_precision'], s['mustd_recall']) for s in scores]
    return dict(mean_f=float(level['mean_f']), paper_f=float(np.mean(paper)), milliseconds=1000 * seconds / len(scores))


def f_measure(precision: float, recall: float) -> float:
    """F with beta squared 0.3."""
    return 1.3 * precision * recall / max(0.3 * precision + recall, 1e-12)


def print_table(results: dict[str, list[dict[str, float]]]) -> None:
    """Mean and worst of every row."""
    print(f'\n{"":24} {"mean F":>8} {"worst":>7} {"F paper":>8} {"worst":>7} {"ms an image":>13}')
    for name, part in results.items():
        mean_f, paper, spent = ([row[key] for row in part] for key in ('mean_f', 'paper_f', 'milliseconds'))
        print(
            f'{name:24} {np.mean(mean_f):8.3f} {min(mean_f):7.3f} {np.mean(paper):8.3f} {min(paper):7.3f} '
            f'{np.mean(spent):13.0f}'
        )


def claims(results: dict[str, list[dict[str, float]]]) -> list[Claim]:
    """What must hold on every seed; prints what the companions do."""

    def gains(row: str, over: str) -> list[float]:
        return [a['mean_f'] - b['mean_f'] for a, b in zip(results[row], results[over])]

    gain = min(gains('smoothing, true group', 'dense CRF'))
    kept = np.mean(gains('smoothing, foreign', 'dense CRF')) / np.mean(gains('smoothing, true group', 'dense CRF'))
    alone = np.mean(gains('smoothing, true group', 'smoothing, alone'))
    print(
        f'foreign companions keep {kept:.0%} of the gain; the group adds {alone:+.3f} to smoothing of each image alone'
    )
    return [(f'mean F of smoothing minus dense CRF, worst seed: {gain:+.3f}', gain >= 0.02, '>= 0.02')]


if __name__ == '__main__':
    sys.exit(main())
