"""Random numbers of a step as a function of its position."""

import hashlib
import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from salseg.registry import HOOKS


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seed torch, NumPy and random from (seed, rank, iteration) before every training step.

    Dropout and any draw of a model then do not depend on what was logged or validated in between, and a resumed run
    repeats them without stored generator states.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed for step ``batch_idx``."""
        seed = position_seed(runner.seed, get_rank(), batch_idx)
        random.seed(seed)
        np.random.seed(seed & 0xFFFFFFFF)
        torch.manual_seed(seed)


def position_seed(seed: int, rank: int, iteration: int) -> int:
    """63-bit seed of one step of one process; near steps give unrelated seeds."""
    digest = hashlib.blake2b(f'{seed}/{rank}/{iteration}'.encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'little') >> 1
