"""Guidance learnt by two processes; helper of test_mask_guided_fcn.

Usage: shared_guidance.py FOLDER. Each process notes the masks that it writes in FOLDER/<rank>.txt.
"""

import os
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)

from salseg.apis import guidance
from salseg.engine.launch import init_processes
from tests.engine.two_processes import launch
from tests.projects.test_mask_guided_fcn import options


def work(folder: Path) -> None:
    """Learn the masks, with a note of each."""
    write, notes = guidance.write_mask, folder / f'{os.environ["RANK"]}.txt'

    def noted(path, mask):
        notes.open('a').write(f'{path.parent.name}/{path.name}\n')
        write(path, mask)

    guidance.write_mask = noted
    init_processes('pytorch')
    guidance.precompute_guidance('mask-guided-fcn-lite', folder / 'two', 'test', device='cpu', options=options(folder))


if __name__ == '__main__':
    assert launch(work, Path(sys.argv[1])) == [0, 0]
