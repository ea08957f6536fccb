"""Train a config and die by SIGKILL at a given moment; a helper process of test_resume.

Usage: kill_at.py CONFIG WORK_DIR MOMENT RESUME [OPTION...]; MOMENT is ``iter:N``, ``write:N`` or ``never``.
"""

import os
import signal
import sys

import torch

torch.set_num_threads(1)

from mmengine.hooks import Hook

from salseg.engine import train
from salseg.registry import HOOKS


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class KillHook(Hook):
    """Die after a training step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if batch_idx + 1 == self.step:
            die()


def cut_write(number: int) -> None:
    """Let the given write of a checkpoint get half-way, then die."""
    from mmengine.runner import runner

    whole, count = runner.save_checkpoint, [0]

    def save(checkpoint, filename, **kwargs):
        whole(checkpoint, filename, **kwargs)
        count[0] += 1
        if count[0] == number:
            with open(filename, 'rb+') as file:
                file.truncate(os.path.getsize(filename) // 2)
            die()

    runner.save_checkpoint = save


if __name__ == '__main__':
    config, work_dir, moment, resume, *options = sys.argv[1:]
    kind, _, number = moment.partition(':')
    if kind == 'iter':
        parsed = train.load_config(config, options)
        parsed.custom_hooks.append(dict(type='KillHook', step=int(number)))
        train.load_config = lambda *args, **kwargs: parsed
    elif kind == 'write':
        cut_write(int(number))
    train.train(config, options, work_dir, resume=resume == 'resume')
