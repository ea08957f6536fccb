"""XMem learned from boxes against XMem learned from masks, on synthetic videos of look-alike objects.

    python benchmarks/learning/boxes.py [--seeds 0 1 2] [--iterations 600]

All rows have the same network, videos and seeds; only the recipes differ. P, P+W, P+T and P+W+T are the stable recipe: they
begin with filled boxes in the place of masks, for two thirds of so many iterations and once for all of them, and continue
with their losses for half as many as are given. `thesis` is the recipe as the thesis has it, nothing before it, for all
iterations. The rows behind it lie between the two, one difference each: which one makes it learn. Test videos come from a
split that no training saw; J and F from the second frame on. Beside them stand the first mask left where it was, and the
filled first box. On the same weights the prompt is moved to the other object. `area` is that of the answer by the true one,
`contrast` the mean probability of an object on itself less that on the rest of the frame: 0 of a constant map. Prints
every seed, then mean and worst, the curves of the thesis' losses, and what must hold. A row and seed that is finished is
taken from the folder, a training that was killed continues.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tracking import (
    SCENE,
    Claim,
    extent,
    follow,
    keep,
    learned,
    logged,
    measured,
    moved_prompt,
    print_rows,
    report,
    score,
    short_run,
    stand_still,
    synthetic_videos,
)

from salseg.engine.config import load_config
from salseg.registry import DATASETS, MODELS
from salseg.structures import FrameTargets

CONFIGS = Path(__file__).resolve().parents[2] / 'projects/xmem/configs'
FIRST = 'xmem_lite0_boxes-filled_synthetic-96.py'
STABLE = 'xmem_lite0_boxes-stable{}_synthetic-96.py'
THESIS = 'xmem_lite0_boxes-thesis_synthetic-96.py'
MASKS = 'xmem_lite0_masks_synthetic-96.py'
LITE_RATE = 'optim_wrapper.optimizer.lr=1e-3'


@dataclass(frozen=True)
class Recipe:
    """How a row is trained: its config, overrides, and whether it begins with filled boxes in the place of masks."""

    config: str
    filled: bool = False
    options: tuple[str, ...] = ()


RUNS = {
    'masks': Recipe(MASKS),
    'P': Recipe(STABLE.format('-p'), filled=True),
    'P+W': Recipe(STABLE.format('-pw'), filled=True),
    'P+T': Recipe(STABLE.format('-pt'), filled=True),
    'P+W+T': Recipe(STABLE.format(''), filled=True),
    'thesis': Recipe(THESIS),
    'masks, rate 1e-5': Recipe(MASKS, options=('optim_wrapper.optimizer.lr=1e-5',)),
    'thesis, rate 1e-3': Recipe(THESIS, options=(LITE_RATE,)),
    'thesis, rate 1e-3, filled': Recipe(THESIS, filled=True, options=(LITE_RATE,)),
    'P+W+T, not filled': Recipe(STABLE.format('')),
    'P+W+T, weights 1': Recipe(
        STABLE.format(''), filled=True, options=('model.losses.pairwise.weight=1', 'model.losses.temporal.weight=1')
    ),
}
COLUMNS = ('j', 'f', 'jf', 'box_j', 'box_jf', 'own', 'other', 'area', 'contrast')
SIZE = 96
TERMS = ('projection', 'pairwise', 'temporal')


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/boxes')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--videos', type=int, default=16, help='test videos')
    parser.add_argument('--frames', type=int, default=12, help='of a test video')
    parser.add_argument('--clips', type=int, default=32, help='of the training set, for the losses of known answers')
    parser.add_argument('--options', nargs='*', default=[], help='further overrides of every config')
    args = parser.parse_args(arguments)
    videos = synthetic_videos(args.videos, args.frames, SIZE)
    still, boxed = score(stand_still, videos), score(stand_still, videos, box=True)
    results = {'first mask, left': [still], 'filled first box, left': [dict(box_j=boxed['j'], box_jf=boxed['jf'])]}
    for run in args.runs:
        results[run] = []
        for seed in args.seeds:
            started = time.monotonic()
            results[run].append(one(run, seed, args, videos))
            numbers = ' '.join(f'{key} {value:.3f}' for key, value in results[run][-1].items())
            print(f'{run}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
            keep(results, Path(args.out))
    for run in args.runs:
        if RUNS[run].config == THESIS:
            for seed in args.seeds:
                print_curve(f'{run}, seed {seed}', place(run, seed, args))
    if any(RUNS[run].config == THESIS for run in args.runs):
        print_terms(args.clips)
    print_rows(results, COLUMNS)
    return report(claims(results))


def one(run: str, seed: int, args: argparse.Namespace, videos: list) -> dict[str, float]:
    """Train one row with one seed and measure it."""
    recipe, count = RUNS[run], length(run, args)
    options = [*schedule(recipe.config, count, seed), *recipe.options, *args.options]
    if recipe.filled:
        first = max(1, 2 * args.iterations // 3)
        part = Path(args.out) / f'filled_{first}_{seed}'
        learned(CONFIGS / FIRST, part, first, [*schedule(FIRST, first, seed), *args.options])
        options += [f'load_from={part / f"iter_{first}.pth"}', f'train_dataloader.dataset.seed={seed + 1000}']
    folder = place(run, seed, args)

    def measure() -> dict[str, float]:
        model = learned(CONFIGS / recipe.config, folder, count, options, from_scratch=not recipe.filled)
        answer = follow(model)
        boxed = score(answer, videos, box=True)
        found = {**score(answer, videos), 'box_j': boxed['j'], 'box_jf': boxed['jf'], **moved_prompt(answer, videos)}
        return {**found, **extent(model, videos)}

    return measured(folder, dict(videos=args.videos, frames=args.frames, scene=SCENE, columns=COLUMNS), measure)


def length(run: str, args: argparse.Namespace) -> int:
    """Iterations of a row with its own losses."""
    return max(1, args.iterations // 2) if RUNS[run].filled else args.iterations


def place(run: str, seed: int, args: argparse.Namespace) -> Path:
    """Folder of a row and seed."""
    name = run.replace('+', '').replace(',', '').replace(' ', '_')
    return Path(args.out) / f'{name}_{length(run, args)}_{seed}'


def schedule(config: str, iterations: int, seed: int) -> list[str]:
    """Options of a training of so many iterations: everything at the same fraction of it as in the whole one."""
    if config == THESIS:
        # Of 110,000 iterations 10,000 warm up the losses, and the rate falls after 80,000.
        warm_up, step = iterations * 10 // 110, iterations * 80 // 110
        return [
            *short_run(iterations, seed, cosine=False), f'param_scheduler.0.milestones=[{step}]',
            f'model.losses.pairwise.ramp_iterations={warm_up}', f'model.losses.temporal.ramp_iterations={warm_up}',
        ]  # fmt: skip
    options = short_run(iterations, seed)
    if config in (MASKS, FIRST):
        # Hard pixels count from the half on.
        options += [f'model.losses.ce.start={iterations // 2}', f'model.losses.ce.end={iterations}']
    return options


def print_curve(title: str, folder: Path) -> None:
    """Each loss, as it is weighed, over the training."""
    rows = logged(folder)
    names = [name for name in rows[0] if name.startswith('loss_')]
    print(f'\n{title}\n{"iteration":>10}' + ''.join(f'{name.removeprefix("loss_"):>12}' for name in names))
    for row in rows:
        print(f'{row["step"]:10.0f}' + ''.join(f'{row[name]:12.4f}' for name in names))


def print_terms(count: int = 32) -> dict[str, dict[str, float]]:
    """Print what the losses of both recipes ask of answers that are known: each term as it is weighed, and the sum.

    Over clips of the training set, without a network: true masks, filled boxes, two bars of 8 pixels across each box, one
    half everywhere, nothing.
    """
    truths, found = clips_of(MASKS, count)[1], {}
    print(f'\n{"losses of known answers":40}' + ''.join(f'{name:>12}' for name in (*TERMS, 'sum')))
    for title, name in (('thesis', THESIS), ('stable', STABLE.format(''))):
        model, samples, inputs = clips_of(name, count)
        targets = FrameTargets.from_samples(samples, inputs, iteration=10**6)
        for answer, maps in known_answers(truths, samples).items():
            # Sigmoids of a network are never quite 0 or 1.
            terms = model.loss_from(inputs, [], {'probability': maps[:, 1:].clamp(1e-3, 1 - 1e-3)}, targets)
            row = {key: float(terms[f'loss_{key}']) for key in TERMS}
            found[f'{title}: {answer}'] = row
            print(
                f'{title + ": " + answer:40}'
                + ''.join(f'{value:12.4f}' for value in (*row.values(), sum(row.values())))
            )
    return found


def clips_of(name: str, count: int) -> tuple[Any, list, Any]:
    """A model without weights, and samples and inputs of some clips of its training set, the same of every config."""
    config = load_config(str(CONFIGS / name))
    parts = {key: {**config.model[key], 'weights': None} for key in ('key_backbone', 'value_backbone')}
    model = MODELS.build({**config.model.to_dict(), **parts})
    data = DATASETS.build({**config.train_dataloader.dataset.to_dict(), 'length': count})
    items = [data[index] for index in range(count)]
    batch = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
    prepared = model.data_preprocessor(batch, True)
    return model, prepared['data_samples'], prepared['inputs']


def known_answers(truths: Sequence[Any], boxed: Sequence[Any]) -> dict[str, Tensor]:
    """Probabilities (B, T, K, H, W) of answers by name, the first frame included."""
    labels = torch.stack([torch.as_tensor(sample.labels) for sample in truths])
    true = torch.stack([labels == index for index in (1, 2)], 2).float()
    filled, bars = torch.zeros_like(true), torch.zeros_like(true)
    for clip, sample in enumerate(boxed):
        for frame, boxes in enumerate(sample.boxes):
            for slot, (x0, y0, x1, y1) in enumerate(boxes.round().int().tolist()):
                filled[clip, frame, slot, y0:y1, x0:x1] = 1
                middle, centre = max((y0 + y1) // 2 - 4, y0), max((x0 + x1) // 2 - 4, x0)
                bars[clip, frame, slot, middle : min(middle + 8, y1), x0:x1] = 1
                bars[clip, frame, slot, y0:y1, centre : min(centre + 8, x1)] = 1
    half, nothing = torch.full_like(true, 0.5), torch.zeros_like(true)
    return {'true masks': true, 'filled boxes': filled, 'bars': bars, 'one half': half, 'nothing': nothing}


def claims(results: dict[str, list[dict[str, float]]]) -> Iterator[Claim]:
    """What must hold on the worst seed."""
    still, boxed = results['first mask, left'][0], results['filled first box, left'][0]
    if masks := results.get('masks'):
        yield 'masks, J more than the first mask left', min(r['j'] for r in masks) - still['j'], 0.15
        yield 'masks, J with the object of the prompt more than with the other', moved(masks), 0.2
    if boxes := results.get('P+W+T'):
        yield (
            'P+W+T, J&F from a box more than the filled box left',
            min(r['box_jf'] for r in boxes) - boxed['box_jf'],
            0.0,
        )
        yield 'P+W+T, J with the object of the prompt more than with the other', moved(boxes), 0.2
    if masks and boxes:
        pairs = list(zip(masks, boxes))
        yield 'P+W+T, fraction of the J&F of masks, mask prompt', min(share(b['jf'], m['jf']) for m, b in pairs), 0.8
        yield 'P+W+T, fraction of the J&F of masks, box prompt', min(share(b['box_jf'], m['jf']) for m, b in pairs), 0.7
    if boxes and results.get('P'):
        yield 'P+W+T, J more than P', min(b['j'] - p['j'] for b, p in zip(boxes, results['P'])), 0.0


def share(part: float, whole: float) -> float:
    """Their ratio; 0 of nothing."""
    return part / whole if whole else 0.0


def moved(rows: list[dict[str, float]]) -> float:
    """How much the answer belongs to the object of the prompt, worst seed."""
    return min(row['own'] - row['other'] for row in rows)


if __name__ == '__main__':
    sys.exit(main())
