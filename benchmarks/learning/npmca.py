"""NPMCA-net learned on synthetic videos of look-alike objects, and what its two ideas bring on the same weights.

    python benchmarks/learning/npmca.py [--seeds 0 1 2] [--iterations 600]

Test videos come from a split that no training saw; J and F from the second frame on. Beside them stands the first mask left
where it was. On the same weights the previous mask is blanked for the target encoder, and what matching found is shuffled
over the positions. Prints every seed, then mean and worst, and what must hold.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
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

CONFIG = Path(__file__).resolve().parents[2] / 'projects/npmca_net/configs/npmca-net_lite0_paper_synthetic-96.py'
SIZE, BATCH = 96, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the table, check what must hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/npmca')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--videos', type=int, default=16, help='test videos')
    parser.add_argument('--frames', type=int, default=12, help='of a test video')
    parser.add_argument('--options', nargs='*', default=[], help='further overrides of the config')
    args = parser.parse_args(arguments)
    videos = synthetic_videos(args.videos, args.frames, SIZE)
    results: dict[str, list] = {'first mask, left': [score(stand_still, videos)]}
    for seed in args.seeds:
        started = time.monotonic()
        found = one(seed, args, videos)
        for name, row in found.items():
            results.setdefault(name, []).append(row)
            numbers = ' '.join(f'{key} {value:.3f}' for key, value in row.items())
            print(f'{name}, seed {seed}: {numbers} ({time.monotonic() - started:.0f} s)', flush=True)
        keep(results, Path(args.out))
    print_rows(results, ('j', 'f', 'jf', 'own', 'other'))
    return report(claims(results))


def one(seed: int, args: argparse.Namespace, videos: list) -> dict[str, dict[str, float]]:
    """Train with one seed and measure."""
    folder = Path(args.out) / f'{args.iterations}_{seed}'
    options = [*short_run(args.iterations, seed, BATCH), *args.options]
    settings = dict(videos=args.videos, frames=args.frames, scene=SCENE)
    return measured(folder, settings, lambda: measure(learned(CONFIG, folder, args.iterations, options), videos))


def measure(model: Any, videos: list) -> dict[str, dict[str, float]]:
    """Metrics of the trained weights, and of the same weights with either idea taken away."""
    answer = follow(model)
    found = {'trained': {**score(answer, videos), **moved_prompt(answer, videos)}}
    with without_previous_mask(model):
        found['previous mask blanked'] = score(answer, videos)
    with shuffled_matching(model):
        found['matching shuffled'] = score(answer, videos)
    return found


@contextlib.contextmanager
def without_previous_mask(model: Any) -> Iterator[None]:
    """The target encoder is not told where the object was."""
    decode = model.decode
    model.decode = lambda frames, masks, references: decode(frames, torch.zeros_like(masks), references)
    yield
    del model.decode


@contextlib.contextmanager
def shuffled_matching(model: Any) -> Iterator[None]:
    """What was found for each position is given to another one."""
    read = model.read

    def shuffled(references: Any, target: torch.Tensor) -> torch.Tensor:
        found = read(references, target)
        order = torch.randperm(found.shape[-2:].numel(), generator=torch.Generator().manual_seed(0))
        return found.flatten(2)[..., order].unflatten(2, found.shape[-2:])

    model.read = shuffled
    yield
    del model.read


def claims(results: dict[str, list[dict[str, float]]]) -> Iterator[Claim]:
    """What must hold on the worst seed."""
    trained, still = results['trained'], results['first mask, left'][0]
    yield 'J', min(row['j'] for row in trained), 0.65
    yield 'J more than the first mask left', min(row['j'] for row in trained) - still['j'], 0.15
    for name, least in (('previous mask blanked', 0.05), ('matching shuffled', 0.2)):
        yield f'J lost with {name}', min(t['j'] - c['j'] for t, c in zip(trained, results[name])), least


if __name__ == '__main__':
    sys.exit(main())
