"""Runs of two processes on one import: a whole one, and one that is killed and continues; helper of test_two_processes.

Usage: two_processes.py CONFIG FOLDER. Writes FOLDER/whole and FOLDER/killed. Processes are forked before anything is
computed, since importing takes longer than training.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import torch

torch.set_num_threads(1)

from mmengine.hooks import Hook

from salseg.engine.train import train
from salseg.registry import HOOKS


@HOOKS.register_module()
class DieHook(Hook):
    """Die by SIGKILL after a training step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if batch_idx + 1 == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


# All at once: gradients of two batches added up, EMA weights, parts run again in the backward pass, another layout.
OPTIONS = [
    'optim_wrapper.accumulative_counts=2',
    'default_hooks.ema.type=ResumableEMAHook',
    'default_hooks.recompute.type=ActivationCheckpointingHook',
    'default_hooks.recompute.modules=[backbone,neck]',
    'default_hooks.channels_last.type=ChannelsLastHook',
]


def launch(function: Callable[..., Any], *arguments: Any) -> list[int]:
    """Run a function in two processes that find each other as under torchrun; how they ended."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
            os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
            status = 1
            try:
                function(*arguments)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def run(config: str, folder: str, options: list[str], resume: bool = False) -> None:
    """Train in this process."""
    train(config, options, folder, resume=resume, launcher='pytorch')


def main(config: str, folder: str) -> None:
    """The three runs."""
    assert launch(run, config, f'{folder}/whole', OPTIONS) == [0, 0]
    dies = [*OPTIONS, 'default_hooks.die.type=DieHook', 'default_hooks.die.step=3']
    assert launch(run, config, f'{folder}/killed', dies) == [-signal.SIGKILL] * 2
    assert launch(run, config, f'{folder}/killed', OPTIONS, True) == [0, 0]


if __name__ == '__main__':
    main(*sys.argv[1:])
