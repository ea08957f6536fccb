"""All commands of all small systems on an installed copy; helper of test_wheel.

Usage: wheel_commands.py NAME...; runs in an empty folder, with the installed copy and `tiny_runs` on the path. One process,
since importing takes longer than a tiny run.
"""

import contextlib
import io
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)

from tiny_runs import make_tiny, write_data

import salseg
from salseg.catalog import config_of, model_cards
from salseg.cli.main import main
from salseg.datasets.synthetic import draw_image
from salseg.engine.config import load_config
from salseg.io.images import write_png


def call(*words: str) -> str:
    """Run a command; what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main(list(words))
    assert status == 0, f'salseg {" ".join(words)}: status {status}\n{printed.getvalue()[-2000:]}'
    return printed.getvalue()


def try_system(name: str) -> None:
    """Describe, train, test, and predict or follow."""
    assert name in call('list')
    assert str(config_of(name)) in call('info', name)
    config = make_tiny(load_config(name))
    config.default_hooks.checkpoint = dict(type='AtomicCheckpointHook', by_epoch=False, interval=1)
    config.dump(f'{name}.py')
    call('train', f'{name}.py', '--work-dir', name)
    checkpoint = f'{name}/iter_1.pth'
    if config.get('test_dataloader'):
        call('test', f'{name}.py', checkpoint)
    out = Path('out', name)
    if model_cards()[name]['Task'] == 'VOS':
        box = ('--box', '1:4,4,24,24', '--no-overlay')
        call('track', f'{name}.py', 'images', '--checkpoint', checkpoint, '--device', 'cpu', '--out', str(out), *box)
        assert len(list(out.rglob('*.png'))) >= 2
    elif config.get('test_dataloader'):
        call('predict', f'{name}.py', 'images', '--checkpoint', checkpoint, '--device', 'cpu', '--out', str(out))
        assert len(list(out.rglob('*.png'))) >= 2


def every_system(*names: str) -> None:
    """Try all on one small data set."""
    write_data(Path(), load_config('fgplg-lite'))
    for index in range(2):
        write_png(Path('images', f'{index:05d}.png'), draw_image(0, 'test', index, (40, 56)).image)
    for name in names:
        try_system(name)
        sys.stderr.write(f'done: {name}\n')
    sys.stderr.write(f'from: {salseg.__file__}\n')


if __name__ == '__main__':
    every_system(*sys.argv[1:])
