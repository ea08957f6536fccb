"""XMem learned from boxes against XMem learned from masks, on synthetic videos of look-alike objects.

    python benchmarks/learning/boxes.py [--seeds 0 1 2] [--iterations 600]

All rows have the same network, videos and seeds; only the losses and what they may see differ. The rows from boxes begin
with filled boxes in the place of masks, for two thirds of so many iterations and once for all of them, and continue with their
losses for half as many as are given: started at random, these losses give everything to every object. Test videos come from
a split that no training saw; J and F from the second frame on. Beside them stand the first mask left where it was, and the
filled first box. On the same weights the prompt is moved to the other object. Prints every seed, then mean and worst, and
what must hold.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tracking import (
    SCENE,
    Claim,
    follow,
    keep,
    learned,
    measured,
    moved_prompt,
    print_rows,
    report,
    score,
    short_run,
    stand_still,
    synthetic_videos,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'projects/xmem/configs'
RUNS = {
    'masks': 'xmem_lite0_masks_synthetic-96.py',
    'P': 'xmem_lite0_boxes-p_synthetic-96.py',
    'P+W': 'xmem_lite0_boxes-pw_synthetic-96.py',
    'P+T': 'xmem_lite0_boxes-pt_synthetic-96.py',
    'P+W+T': 'xmem_lite0_boxes_synthetic-96.py',
}
FIRST = 'xmem_lite0_boxes-filled_synthetic-96.py'
COLUMNS = ('j', 'f', 'jf', 'box_j', 'box_jf', 'own', 'other')
SIZE = 96


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all rows, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/boxes')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--runs', nargs='+', default=list(RUNS), choices=list(RUNS))
    parser.add_argument('--videos', type=int, default=16, help='test videos')
    parser.add_argument('--frames', type=int, default=12, help='of a test video')
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
    print_rows(results, COLUMNS)
    return report(claims(results))


def one(run: str, seed: int, args: argparse.Namespace, videos: list) -> dict[str, float]:
    """Train one row with one seed and measure it."""
    count, folder = args.iterations, Path(args.out)
    if run != 'masks':
        first = max(1, 2 * count // 3)
        part = folder / f'filled_{first}_{seed}'
        learned(CONFIGS / FIRST, part, first, [*short_run(first, seed), *bootstrapping(first), *args.options])
        count = max(1, count // 2)
    options = [*short_run(count, seed), *args.options]
    if run == 'masks':
        options += bootstrapping(count)
    else:
        options += [f'load_from={part / f"iter_{first}.pth"}', f'train_dataloader.dataset.seed={seed + 1000}']
    place = folder / f'{run.replace("+", "")}_{count}_{seed}'

    def measure() -> dict[str, float]:
        answer = follow(learned(CONFIGS / RUNS[run], place, count, options))
        boxed = score(answer, videos, box=True)
        return {**score(answer, videos), 'box_j': boxed['j'], 'box_jf': boxed['jf'], **moved_prompt(answer, videos)}

    return measured(place, dict(videos=args.videos, frames=args.frames, scene=SCENE), measure)


def bootstrapping(iterations: int) -> list[str]:
    """Hard pixels count from the half on."""
    return [f'model.losses.ce.start={iterations // 2}', f'model.losses.ce.end={iterations}']


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
