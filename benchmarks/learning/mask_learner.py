"""The mask learner on real groups and on synthetic ones whose objects are off-centre, beside rules that it should beat.

Nothing is trained: features are those of EfficientNet-Lite0 with its ImageNet weights. Rows: masks learnt from the whole
group in three rounds of alternating directions, as the paper has it, and in one; from every image alone; the principal
direction of the group without any round; its positive part (a mask has no order among what it leaves out, so this is the
like of the learner); and a Gaussian at the centre. The learner and the principal direction choose their sign by that
Gaussian. AUC ranks the pixels of an image, IoU is of the positive part (of the Gaussian: what is above one half); both
are means over images and then groups. Prints a line for every group, a table, what the learner is above and below, and
what must hold.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from group_metrics import Claim, Group, Member, say
from torch import Tensor

from salseg.datasets import GroupDataset
from salseg.datasets.synthetic.baselines import centre_prior
from salseg.datasets.synthetic.groups import draw_group
from salseg.evaluation.functional import saliency_scores
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image
from salseg.ops.mask_learner import principal_direction
from salseg.paths import enable_projects

BACKBONE = dict(type='EfficientNetLite0', out_indices=(3,), weights='package')
# Enlarging makes ripples around nothing; what is that small is not positive.
SMALL = 0.05
enable_projects()
from projects.mask_guided_fcn.mask_guided_fcn import MaskLearner  # noqa: E402 (found by the line above)

Rule = Callable[[Tensor], Tensor]
Metrics = dict[str, dict[str, float]]


def main() -> int:
    """Learn, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', help='folder with image/<group>/ and gt/<group>/; without it synthetic groups alone')
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--synthetic', type=int, default=20, help='number of synthetic groups')
    parser.add_argument('--out', default='work_dirs/mask_learner')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sets = {'synthetic, off-centre': synthetic(args.synthetic, args.size)}
    if args.data:
        sets['real'] = real(args.data)
    learner = MaskLearner(BACKBONE)
    one_round = MaskLearner(learner.backbone, iterations=1)
    results = {}
    for name, groups in sets.items():
        results[name] = measure(learner, one_round, groups, args.size)
        print(f'\n{name}, {len(groups)} groups{"":12} {"AUC":>7} {"IoU":>7}')
        for row, metrics in results[name].items():
            print(f'{row:32} {metrics["auc"]:7.3f} {metrics["iou"]:7.3f}')
    Path(args.out).mkdir(parents=True, exist_ok=True)
    (Path(args.out) / 'results.json').write_text(json.dumps(results, indent=2))
    return say([claim for name in results for claim in claims(name, results[name])])


def synthetic(count: int, size: int) -> dict[str, Group]:
    """Groups of five with three objects in an image, of which the shared one counts."""
    groups = {}
    for index in range(count):
        drawn = draw_group(0, 'mask-learner', index, 5, size).images
        groups[f'group {index}'] = [Member(p.image, p.mask) for p in drawn]
    return groups


def real(folder: str) -> dict[str, Group]:
    """The groups of a folder."""
    return {
        name: [Member(read_image(image), read_annotation(mask, 'binary') > 0) for _, image, mask in items]
        for name, items in GroupDataset(folder).groups
    }


def measure(learner: MaskLearner, one_round: MaskLearner, groups: Mapping[str, Group], size: int) -> Metrics:
    """Means over the groups of every row; prints the groups."""
    rules: dict[str, Rule] = {
        'learnt from the group': lambda features: learner.learn(features) - SMALL,
        'the same in one round': lambda features: one_round.learn(features) - SMALL,
        'learnt from each image': lambda features: torch.cat([learner.learn(f[None]) for f in features]) - SMALL,
        'principal direction of the group': principal_responses,
        'its positive part': positive_part,
    }
    found: dict[str, list[tuple[float, float]]] = {}
    for name, group in groups.items():
        features = learner.features(torch.stack([network_input(member.image, size) for member in group]))
        maps = {row: rule(features)[:, 0].numpy() for row, rule in rules.items()}
        maps['centre Gaussian'] = [centre_prior(*member.mask.shape) - 0.5 for member in group]
        for row, masks in maps.items():
            found.setdefault(row, []).append(metrics(group, masks))
        print(f'{name:12} ' + ', '.join(f'{row} {values[-1][0]:.3f}' for row, values in found.items()), flush=True)
    return {
        row: dict(zip(('auc', 'iou'), (float(np.mean(column)) for column in zip(*values))))
        for row, values in found.items()
    }


def network_input(image: np.ndarray, size: int) -> Tensor:
    """(3, size, size), normalised as the weights want it."""
    small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    return (torch.from_numpy(small).permute(2, 0, 1).float() - 127) / 128


def principal_responses(features: Tensor) -> Tensor:
    """Responses of the principal direction, (T, C, h, w) to (T, 1, h, w), signed."""
    grid = tuple(features.shape[-2:])
    centred = features.flatten(2).transpose(1, 2)
    centred = centred - centred.mean((0, 1))
    return (centred.double() @ principal_direction(centred, grid)).view(-1, 1, *grid).float()


def positive_part(features: Tensor) -> Tensor:
    """What the learner starts from, treated as its result is: each image divided by its maximum, less ripples."""
    positive = principal_responses(features).clamp(min=0)
    return positive / positive.amax((2, 3), keepdim=True).clamp(min=1e-12) - SMALL


def metrics(group: Group, responses: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean AUC and IoU over the images of a group; what is positive is marked."""
    pairs = []
    for member, response in zip(group, responses):
        height, width = member.mask.shape
        whole = cv2.resize(np.asarray(response, np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        marked = whole > 0
        iou = (marked & member.mask).sum() / max((marked | member.mask).sum(), 1)
        graded = (whole - whole.min()) / max(float(whole.max() - whole.min()), 1e-12)
        pairs.append((saliency_scores(graded, member.mask, metrics=('roc',))['auc'], iou))
    return tuple(float(np.mean(column)) for column in zip(*pairs))


def claims(name: str, rows: Metrics) -> list[Claim]:
    """What must hold of real groups; prints of all what the learner is above and below."""
    learnt, *others = rows
    for row in others:
        for metric in ('auc', 'iou'):
            ahead = rows[learnt][metric] - rows[row][metric]
            print(f'{name}: {metric.upper()} {learnt} is {"above" if ahead > 0 else "BELOW"} {row}: {ahead:+.3f}')
    gain = rows[learnt]['auc'] - rows['learnt from each image']['auc']
    claim = (f'{name}: AUC learnt from the group minus from each image: {gain:+.3f}', gain >= 0.02, '>= 0.02')
    return [claim] if name == 'real' else []


if __name__ == '__main__':
    sys.exit(main())
