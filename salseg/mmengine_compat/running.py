"""Hooks, loops, runner, optimisation."""

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

# Runners of this process, by the second in which they began.
_BEGUN: Counter[str] = Counter()


class StepCheckpointHook(CheckpointHook):
    """mmengine's hook, with the one place that writes a checkpoint as a method to override."""

    keep_ckpt_ids: deque[int]

    def save_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write the checkpoint of a step and forget what is too old; mmengine's own order by default."""
        super()._save_checkpoint_with_step(runner, step, meta)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        # Both the regular checkpoint and the best one come through here.
        self.save_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        # mmengine deletes the best one so far before the better one is written; a kill in between would leave neither.
        before, self.best_ckpt_path = getattr(self, 'best_ckpt_path', None), None
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path is None:
            self.best_ckpt_path = before
        elif before and before != self.best_ckpt_path and is_main_process():
            Path(before).unlink(missing_ok=True)


class ValueScheduler(_ParamScheduler):
    """A schedule whose values are a function of ``last_step`` and ``base_values``.

    ``_ParamScheduler`` is the base of all of mmengine's schedules and has no public name; it asks ``_get_value`` for one
    value for each parameter group, after it has counted ``last_step`` up.
    """

    def values(self) -> list[float]:
        """One value for each parameter group."""
        raise TypeError(f'{type(self).__name__} must define values')

    def _get_value(self) -> list[float]:
        return self.values()


def endless_batches(loader: DataLoader) -> Iterator[Any]:
    """Batches of a loader, epoch after epoch, with ``set_epoch`` called on its sampler between two.

    ``_InfiniteDataloaderIterator`` is what ``IterBasedTrainLoop`` keeps in ``dataloader_iterator``.
    """
    return _InfiniteDataloaderIterator(loader)


def is_resuming(runner: Runner) -> bool:
    """Whether a runner is to continue a run: ``Runner._resume``, the key ``resume`` of its config."""
    return runner._resume


def give_own_name(runner: Runner) -> None:
    """Make the time by which a runner calls its folder, logger, message hub and visualizer its own in this process.

    ``Runner._timestamp`` counts seconds. Of two runners in one second the second one would take those of the first, and its
    table would hold the first one's metrics too.
    """
    _BEGUN[runner._timestamp] += 1
    if _BEGUN[runner._timestamp] > 1:
        runner._timestamp += f'_{_BEGUN[runner._timestamp]}'


def mark_loaded(runner: Runner) -> None:
    """Say that a runner has its weights.

    ``Runner._has_loaded`` keeps ``load_or_resume`` from loading them a second time, before training and before a test.
    """
    runner._has_loaded = True


def count_backward(wrapper: OptimWrapper) -> None:
    """Count a backward pass, which every ``backward`` of a wrapper has to do.

    By ``OptimWrapper._inner_count`` the wrapper knows when gradients have been accumulated long enough for a step.
    """
    wrapper._inner_count += 1


def clip_gradients(wrapper: OptimWrapper) -> None:
    """Clip as ``clip_grad`` of the config says and log the norm: ``OptimWrapper._clip_grad``, which ``step`` calls."""
    wrapper._clip_grad()


def set_length(loop: IterBasedTrainLoop, steps: int) -> None:
    """Give a training loop its length after it was built, which its base takes before the data are known."""
    loop._max_iters = steps
