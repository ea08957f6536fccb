"""dcfm-lite on a few real groups: true against foreign companions on the same weights, beside a model of single images.

Needs a folder with image/<group>/ and gt/<group>/. The groups are split in two halves; each is tested with what was
trained on the other one and on synthetic groups. Most real images hold one object, so a group is hardly needed; the
harder test puts images of two groups side by side, and the companions alone tell which half is meant. Training has
such pairs of its own groups too. scwssod-lite is trained on the same images with their full masks and sees one
image at a time. Prints every fold and seed, the worst seed of the mean over folds, and what must hold; writes sheets.
What is done is kept in scores.json of the folder, so a stopped call continues.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from group_metrics import Claim, Group, Member, overlap, say, windows

from salseg.apis import SaliencyPredictor, init_model
from salseg.apis.groups import GroupPredictor
from salseg.datasets import GroupDataset
from salseg.datasets.synthetic.baselines import centre_prior
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image, write_png
from salseg.visualization import overlay_map, sheet

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ROOT / 'projects/dcfm/configs/dcfm_lite0_folder-and-synthetic-160.py'
SINGLE = ROOT / 'projects/scwssod/configs/scwssod_lite0_paper_folder-192.py'
# Groups that share images with each other or with other sets stay together, in the second half.
SECOND = ('car', 'parrot', 'cow_msrc', 'pair1', 'pair2', 'pair4')
COMPANIONS = 5
FIGURES = ('iou', 'max_f', 'mae')
Maps = list[list[np.ndarray]]
Score = dict[str, float]


def main() -> int:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', required=True, help='folder with image/<group>/ and gt/<group>/')
    parser.add_argument('--second', nargs='+', default=list(SECOND), help='groups of the second half')
    parser.add_argument('--out', default='work_dirs/real_groups')
    parser.add_argument('--iterations', type=int, default=250)
    parser.add_argument('--single-iterations', type=int, default=80)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--single-seeds', type=int, nargs='*', default=[0])
    args = parser.parse_args()
    torch.set_num_threads(1)
    groups = read_groups(args.data)
    halves = [{name: g for name, g in groups.items() if (name in args.second) == second} for second in (False, True)]
    folds = [Fold(number, *pair, Path(args.out)) for number, pair in enumerate((halves, halves[::-1]))]
    for fold in folds:
        print(
            f'fold {fold.number}: tested on {", ".join(fold.tested)}; trained on {", ".join(fold.trained)}', flush=True
        )
    done = Scores(Path(args.out) / 'scores.json')
    for fold in folds:
        done.take(f'{fold.number} centre prior', fold.centre_prior)
    for seed in args.seeds:
        for fold in folds:
            name = f'{fold.number} dcfm-lite {args.iterations} {seed}'
            done.take(name, lambda fold=fold, seed=seed: fold.groups(seed, args.iterations))
    for seed in args.single_seeds:
        for fold in folds:
            name = f'{fold.number} scwssod-lite {args.single_iterations} {seed}'
            done.take(name, lambda fold=fold, seed=seed: fold.singles(seed, args.single_iterations))
    return say(claims(summarize(done.found)))


def read_groups(folder: str) -> dict[str, list[Member]]:
    """All images and masks by group."""
    data = GroupDataset(folder)
    return {
        name: [Member(read_image(image), read_annotation(mask, 'binary') > 0) for _, image, mask in items]
        for name, items in data.groups
    }


def beside(groups: dict[str, list[Member]], height: int = 160, width: int = 128) -> dict[str, list[Member]]:
    """Every image beside one of another group, on a side that chance decides; the other object does not count."""
    rng = np.random.default_rng(0)
    names = list(groups)
    made: dict[str, list[Member]] = {}
    for number, name in enumerate(names):
        made[name] = []
        for index, member in enumerate(groups[name]):
            # Walking through the other groups: none of them is in all images.
            other = groups[names[(number + 1 + index % (len(names) - 1)) % len(names)]]
            foreign = other[int(rng.integers(len(other)))]
            halves = [resized(member, height, width), resized(foreign, height, width)]
            halves[1] = Member(halves[1].image, np.zeros_like(halves[1].mask))
            order = halves if rng.random() < 0.5 else halves[::-1]
            made[name].append(Member(np.hstack([h.image for h in order]), np.hstack([h.mask for h in order])))
    return made


def resized(member: Member, height: int, width: int) -> Member:
    """Image and mask at a size."""
    image = cv2.resize(member.image, (width, height), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(member.mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return Member(image, mask > 0)


class Scores:
    """Scores by kind of test and row, of every fold, model and seed; kept in a file, so that nothing is done twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all: dict[str, dict[str, dict[str, Score]]] = json.loads(path.read_text()) if path.is_file() else {}
        self.found: dict[str, dict[str, dict[str, Score]]] = {}

    def take(self, name: str, make: Callable[[], dict[str, dict[str, Score]]]) -> None:
        """What is known of a fold, model and seed, or make and print it."""
        if name not in self.all:
            self.all[name] = make()
            self.path.write_text(json.dumps(self.all, indent=2))
        self.found[name] = self.all[name]
        for kind, rows in self.found[name].items():
            for row, found in rows.items():
                print(f'fold {name}, {kind}, {row}: {found}', flush=True)


class Fold:
    """One half of the groups to train on, the other to test on.

    Args:
        number: Of the fold.
        tested, trained: Images by group.
        out: Folder of the runs; training images are written into it.
    """

    def __init__(
        self, number: int, tested: dict[str, list[Member]], trained: dict[str, list[Member]], out: Path
    ) -> None:
        self.number = number
        self.tested = tested
        self.trained = trained
        self.out = out
        self.folder = write_training(trained, out / f'data{number}')
        self.sets = {'images': list(tested.values()), 'side by side': list(beside(tested).values())}

    def centre_prior(self) -> dict[str, dict[str, Score]]:
        """Scores of a Gaussian."""
        return {
            kind: {'centre prior': score(g, per_image(g, lambda image: to_grey(centre_prior(*image.shape[:2]))))}
            for kind, g in self.sets.items()
        }

    def groups(self, seed: int, iterations: int) -> dict[str, dict[str, Score]]:
        """Scores of dcfm-lite; the first seed writes sheets."""
        predictor = train_groups(self.folder, seed, self.out / f'dcfm{self.number}_{seed}', iterations)
        for kind, groups in self.sets.items():
            path = self.out / f'{kind.replace(" ", "_")}_{self.number}.png'
            if not path.exists():
                write_sheet(path, predictor, groups)
        return {kind: with_companions(predictor, groups) for kind, groups in self.sets.items()}

    def singles(self, seed: int, iterations: int) -> dict[str, dict[str, Score]]:
        """Scores of scwssod-lite."""
        single = train_single(self.folder, seed, self.out / f'single{self.number}_{seed}', iterations)
        return {kind: {'scwssod-lite': score(g, one_by_one(single, g))} for kind, g in self.sets.items()}


def write_training(groups: dict[str, list[Member]], folder: Path) -> Path:
    """The training half in the layouts of both models, pairs side by side among the groups."""
    pairs = {f'{name}_beside': members for name, members in beside(groups).items()}
    for name, members in {**groups, **pairs}.items():
        for number, member in enumerate(members):
            grey = member.mask.astype(np.uint8) * 255
            write_png(folder / 'image' / name / f'{number:03d}.png', member.image)
            write_png(folder / 'gt' / name / f'{number:03d}.png', grey)
            if name in groups:
                write_png(folder / 'single/image' / f'{name}_{number:03d}.png', member.image)
                write_png(folder / 'single/mask' / f'{name}_{number:03d}.png', grey)
    return folder


def train_groups(folder: Path, seed: int, out: Path, iterations: int) -> GroupPredictor:
    """dcfm-lite on the groups of a folder and synthetic ones in turn."""
    options = [
        f'train_dataloader.dataset.datasets.1.data_root={folder}', f'train_dataloader.dataset.datasets.0.world={seed}',
        *short(seed, iterations),
    ]  # fmt: skip
    train(str(GROUPS), options, str(out))
    model = init_model(str(GROUPS), str(out / f'iter_{iterations}.pth'), 'cpu', options=options)
    model.keep = 'all'
    return GroupPredictor(model)


def train_single(folder: Path, seed: int, out: Path, iterations: int) -> SaliencyPredictor:
    """scwssod-lite on the same images with full masks."""
    options = [
        f'train_dataloader.dataset.data_root={folder}/single', 'train_dataloader.dataset.label_folder=mask',
        'train_dataloader.dataset.encoding=binary', 'model.losses.lsc=None', 'model.losses.ssc=None',
        'model.extra_passes.rescaled=None', 'train_dataloader.batch_size=4', *short(seed, iterations),
    ]  # fmt: skip
    train(str(SINGLE), options, str(out))
    return SaliencyPredictor(init_model(str(SINGLE), str(out / f'iter_{iterations}.pth'), 'cpu', options=options))


def short(seed: int, iterations: int) -> list[str]:
    """Options that both trainings have."""
    return [
        f'randomness.seed={seed}', f'train_cfg.max_iters={iterations}', f'param_scheduler.total={iterations}',
        f'default_hooks.checkpoint.interval={iterations}', 'default_hooks.logger.interval=100',
        'train_dataloader.num_workers=0',
    ]  # fmt: skip


def with_companions(predictor: GroupPredictor, groups: Sequence[Group]) -> dict[str, Score]:
    """Scores of the same weights with true companions, with foreign ones, and of each image alone."""
    maps: dict[str, Maps] = {name: [[] for _ in groups] for name in ('true', 'foreign', 'alone')}
    for number, group in enumerate(groups):
        together = [
            prediction.saliency
            for part in windows(group, min(COMPANIONS, len(group)))
            for prediction in predictor([member.image for member in part])
        ]
        # The last window may begin again at the first image.
        maps['true'][number] = together[: len(group)]
        for index, member in enumerate(group):
            others = [groups[(number + step) % len(groups)] for step in range(1, COMPANIONS)]
            foreign = [other[index % len(other)].image for other in others]
            maps['foreign'][number].append(predictor([member.image, *foreign])[0].saliency)
            maps['alone'][number].append(predictor([member.image])[0].saliency)
    return {f'dcfm-lite, {name}': score(groups, found) for name, found in maps.items()}


def per_image(groups: Sequence[Group], make: Callable[[np.ndarray], np.ndarray]) -> Maps:
    """Maps that are made image by image."""
    return [[make(member.image) for member in group] for group in groups]


def one_by_one(predictor: SaliencyPredictor, groups: Sequence[Group]) -> Maps:
    """Maps of a model that sees one image."""
    return per_image(groups, lambda image: predictor([image])[0].saliency)


def score(groups: Sequence[Group], maps: Maps) -> Score:
    """IoU at one half, max-F and MAE over all images of all groups."""
    pairs = [pair for group, found in zip(groups, maps) for pair in zip(group, found)]
    max_f = image_level(saliency_scores(m, member.mask, metrics=('f',)) for member, m in pairs)['max_f']
    iou = float(np.mean([overlap(m, member.mask) for member, m in pairs]))
    mae = float(np.mean([np.abs(m / 255 - member.mask).mean() for member, m in pairs]))
    return dict(iou=round(iou, 4), max_f=round(float(max_f), 4), mae=round(mae, 4))


def write_sheet(path: Path, predictor: GroupPredictor, groups: Sequence[Group]) -> None:
    """Two lines for each group: five images, and their maps."""
    lines = []
    for group in groups:
        shown = (list(group) * COMPANIONS)[:COMPANIONS]
        found = predictor([member.image for member in group[:COMPANIONS]])
        maps = ([p.saliency for p in found] * COMPANIONS)[:COMPANIONS]
        lines += [[m.image for m in shown], [overlay_map(m.image, s) for m, s in zip(shown, maps)]]
    write_png(path, sheet(lines))


def summarize(found: dict[str, dict[str, dict[str, Score]]]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """By kind, row and metric: every seed's mean over the folds; prints mean and worst."""
    runs: dict[tuple[str, str], dict[str, list[Score]]] = {}
    for name, kinds in found.items():
        # Folds of one model and seed belong together; their names differ in the first word.
        for kind, rows in kinds.items():
            for row, scores in rows.items():
                runs.setdefault((kind, row), {}).setdefault(name.split(' ', 1)[1], []).append(scores)
    summary: dict[str, dict[str, dict[str, list[float]]]] = {}
    for (kind, row), seeds in runs.items():
        iou, f, mae = ([float(np.mean([s[key] for s in part])) for part in seeds.values()] for key in FIGURES)
        summary.setdefault(kind, {})[row] = dict(iou=iou, max_f=f, mae=mae)
    for kind, rows in summary.items():
        print(f'\n{kind:28} {"IoU mean":>9} {"worst":>7} {"max-F mean":>11} {"worst":>7} {"MAE mean":>9} {"worst":>7}')
        for row, metrics in rows.items():
            iou, f, mae = (metrics[key] for key in FIGURES)
            print(
                f'{row:28} {np.mean(iou):9.3f} {min(iou):7.3f} {np.mean(f):11.3f} {min(f):7.3f} '
                f'{np.mean(mae):9.3f} {max(mae):7.3f}'
            )
    return summary


def claims(summary: dict[str, dict[str, dict[str, list[float]]]]) -> list[Claim]:
    """What must hold on every seed, as means over the folds."""
    found: list[Claim] = []
    for kind, rows in summary.items():
        own, foreign, prior = (rows[name] for name in ('dcfm-lite, true', 'dcfm-lite, foreign', 'centre prior'))
        above = min(own['max_f']) - prior['max_f'][0]
        gap = min(a - b for a, b in zip(own['iou'], foreign['iou']))
        found += [
            (f'{kind}: max-F above the centre prior, worst seed: {above:+.3f}', above > 0, '> 0'),
            (f'{kind}: IoU with true minus foreign companions, worst seed: {gap:+.3f}', gap > 0, '> 0'),
        ]
    return found


if __name__ == '__main__':
    sys.exit(main())
