"""Every project's stages with one command: run whole, then killed between and inside the stages, and compared.

    PYTHONPATH=. python benchmarks/reliability/chains.py [PROJECT[:CHAIN] ...] [--steps 3] [--out DIR]

Each chain runs as its card says, by ``salseg train PROJECT --stages``, on miniatures of the releases that its configs read,
which ``salseg convert`` has converted. ``--cfg-options`` make it small: few steps, images of 64 pixels, one video to label,
no pretrained weights. For every stage the process ends by SIGKILL inside of it, behind it before the record says so, and behind
that; the command is repeated each time. One row for each chain; the status is 1 where any weight or label differs.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from mmengine.config import Config

from salseg.apis.stages import Stage, find_chain
from salseg.catalog import project_stages
from salseg.engine.checkpoint import load_file, newest_checkpoint
from salseg.engine.config import load_config
from tests.docs.shrinking import chain_options
from tests.projects.release_tree import convert_releases, roots
from tests.projects.tiny_runs import write_synthetic

ROOT = Path(__file__).resolve().parents[2]

# Dies by SIGKILL: 'inside' a stage, in its second step, labelled clip or learned mask; 'unnoted' and 'noted', before and
# after the record says that it is done.
KILLED = """
import os, signal, sys
from salseg.apis import guidance, stages
from salseg.cli.main import main
from salseg.engine import pseudo_labels
from salseg.models import BaseSegmentor

moment, stage = sys.argv[1:3]
entered, calls = [], []
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def enter(real):
    def do(run, at):
        entered.append(at.name)
        return real(run, at)
    return do
def second(real):
    def call(*args, **others):
        if moment == 'inside' and entered[-1:] == [stage]:
            calls.append(stage)
            if len(calls) == 2:
                die()
        return real(*args, **others)
    return call
def note(real):
    def save(folder, record):
        there = moment != 'inside' and stage in record.items
        if there and moment == 'unnoted':
            die()
        real(folder, record)
        if there:
            die()
    return save
stages._Run.do = enter(stages._Run.do)
stages._save = note(stages._save)
for owner, name in ((BaseSegmentor, 'train_step'), (pseudo_labels, 'predict_greys'), (guidance, '_one_set')):
    setattr(owner, name, second(getattr(owner, name)))
sys.exit(main(sys.argv[3:]))
"""
MOMENTS = ('inside', 'unnoted', 'noted')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('chains', nargs='*', metavar='PROJECT[:CHAIN]', help='all by default')
    parser.add_argument('--steps', type=int, default=3, metavar='N', help='of each training (3)')
    parser.add_argument('--moments', nargs='+', choices=MOMENTS, default=MOMENTS, help='when each stage is killed')
    parser.add_argument('--out', type=Path, metavar='DIR', help='an empty folder, kept; a temporary one by default')
    args = parser.parse_args(arguments)
    if args.steps < 2:
        parser.error('--steps must be at least 2: a stage is killed in its second step')
    print('| chain | stages | kills | s, whole | s, killed | same bytes |\n|---|---|---|---|---|---|', flush=True)
    same = True
    with tempfile.TemporaryDirectory() as folder:
        for name in args.chains or [f'{p}:{chain}' for p, chains in project_stages().items() for chain in chains]:
            row = try_chain(
                name, (args.out or Path(folder)).resolve() / name.replace(':', '-'), args.steps, args.moments
            )
            print(f'| {" | ".join(row)} |', flush=True)
            same = same and row[-1] == 'yes'
    return 0 if same else 1


def try_chain(name: str, folder: Path, steps: int, moments: Sequence[str] = MOMENTS) -> list[str]:
    """The cells of a chain's row; its data, and both runs, lie in the folder."""
    project, _, chain = name.partition(':')
    project, chain, stages = find_chain(project, chain)
    folder.mkdir(parents=True)
    words = command(project, chain, stages, folder, steps)
    before = time.perf_counter()
    finish(start(['-m', 'salseg', *words('whole')], folder), 0)
    between = time.perf_counter()
    kills = [(moment, stage.name) for stage in stages for moment in moments]
    for moment, stage in kills:
        finish(start(['-c', KILLED, moment, stage, *words('killed')], folder), -9)
    finish(start(['-m', 'salseg', *words('killed')], folder), 0)
    wrong = [
        stage.name for stage in stages if not is_same(folder / 'whole' / stage.name, folder / 'killed' / stage.name)
    ]
    seconds = [f'{time:.0f}' for time in (between - before, time.perf_counter() - between)]
    title = ', '.join(stage.name for stage in stages)
    return [f'{project} {chain}', title, str(len(kills)), *seconds, f'no: {", ".join(wrong)}' if wrong else 'yes']


def start(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A Python process of this checkout in a folder, with one thread and no downloads."""
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'SALSEG_OFFLINE': '1'}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def finish(done: subprocess.CompletedProcess[str], status: int) -> None:
    """End with what a process said where its status is another."""
    if done.returncode != status:
        raise RuntimeError(f'status {done.returncode}, expected {status}: {done.args[1:6]}\n{done.stderr[-3000:]}')


def command(project: str, chain: str, stages: Sequence[Stage], folder: Path, steps: int) -> Callable[[str], list[str]]:
    """Make a chain's data, and give the words of its command for a run's folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        configs = [load_config(stage.model) for stage in stages]
        with contextlib.redirect_stdout(io.StringIO()):
            make_data(configs)
        options = chain_options(stages, steps)
    finally:
        os.chdir(here)
    return lambda run: ['train', project, '--stages', chain, '--work-dir', run, '--cfg-options', *options]


def make_data(configs: Iterable[Config]) -> None:
    """Below ``data`` in the present folder, what the configs read but for what their chain makes itself."""
    found = roots(configs)
    convert_releases(found)
    if any(root.name.startswith('synthetic') for root in found):
        write_synthetic(Path())


def is_same(one: Path, other: Path) -> bool:
    """Whether a stage left the same weights, or the same images."""
    images = [{path.relative_to(run): path.read_bytes() for path in run.rglob('*.png')} for run in (one, other)]
    if not list(one.glob('*.pth')):
        return bool(images[0]) and images[0] == images[1]
    weights = [load_file(newest_checkpoint(run))['state_dict'] for run in (one, other)]
    return weights[0].keys() == weights[1].keys() and all(
        torch.equal(weights[1][key], weights[0][key]) for key in weights[0]
    )


if __name__ == '__main__':
    sys.exit(main())
