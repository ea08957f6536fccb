"""Hooks: atomic checkpoints, EMA, seeds of steps, activation checkpointing, channels_last, labels of a video test."""

import contextlib
import difflib
import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from salseg.engine.config.check import registered_class
from salseg.errors import ConfigError
from salseg.io.files import write_text
from salseg.mmengine_compat.running import StepCheckpointHook
from salseg.models.layers import channels_last
from salseg.registry import HOOKS
from salseg.visualization.palette import write_label_png


def configured_hooks(config: Mapping[str, Any], *kinds: type) -> dict[str, Any]:
    """What a config says of its hooks of some classes and of those that inherit from them, by the name of the type."""
    hooks = [*(config.get('default_hooks') or {}).values(), *(config.get('custom_hooks') or ())]
    named = {str(hook['type']): hook for hook in hooks if isinstance(hook, Mapping) and 'type' in hook}
    classes = {name: registered_class(name.rpartition('.')[2]) for name in named}
    return {name: named[name] for name, one in classes.items() if isinstance(one, type) and issubclass(one, kinds)}


@HOOKS.register_module()
class AtomicCheckpointHook(StepCheckpointHook):
    """mmengine's hook with the order fixed: write, point ``last_checkpoint`` to it, then delete what is too old."""

    def save_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Write the checkpoint of a step, point to it, delete what is too old."""
        outdated: list[int] = []
        if self.max_keep_ckpts > 0:
            kept = [s for s in self.keep_ckpt_ids if s != step] + [step]
            outdated = kept[: -self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(kept[-self.max_keep_ckpts :], self.max_keep_ckpts)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = str(Path(self.out_dir) / name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            **self.args,
        )
        if not is_main_process():
            return
        write_text(Path(runner.work_dir) / 'last_checkpoint', self.last_ckpt)
        for old in outdated:
            (Path(self.out_dir) / self.filename_tmpl.format(old)).unlink(missing_ok=True)


@HOOKS.register_module()
class ResumableEMAHook(EMAHook):
    """mmengine's hook with its averages' options by name: weights averaged over steps are what is validated and predicts.

    A checkpoint holds both; ``state_dict`` is the average, and a resumed run continues with those that learn.

    Args:
        momentum: Fraction of the newest weights in the average, for every step.
        update_buffers: Average the statistics of batch normalisation too, instead of taking the newest.
        begin_iter: Step from which on weights are averaged.
    """

    def __init__(self, momentum: float = 0.002, update_buffers: bool = False, begin_iter: int = 0) -> None:
        super().__init__(begin_iter=begin_iter, momentum=momentum, update_buffers=update_buffers)


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


@HOOKS.register_module()
class ActivationCheckpointingHook(Hook):
    """Run parts of the model again in the backward pass instead of keeping what they computed on the way.

    Weights after a step are the same as without: dropout is drawn alike, and batch statistics count once. mmengine's own
    key ``activation_checkpointing`` gives no gradient to a part whose input has none, such as a backbone.

    Args:
        modules: Names of parts as in the state dict, e.g. ``('backbone',)``.
    """

    def __init__(self, modules: Sequence[str] = ('backbone',)) -> None:
        self.modules = (modules,) if isinstance(modules, str) else tuple(modules)

    def before_train(self, runner: Runner) -> None:
        """Wrap the parts.

        Raises:
            ConfigError: The model has no such part.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        known = dict(model.named_modules())
        for name in self.modules:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=3)
                raise ConfigError(
                    f'ActivationCheckpointingHook: {type(model).__name__} has no part {name!r}; '
                    f'nearest: {", ".join(near) or "none"}.'
                )
            known[name].forward = recomputed(known[name])


def recomputed(module: nn.Module) -> Callable[..., Any]:
    """The forward function of a module, which keeps its input only."""
    forward = module.forward

    def run(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        contexts = lambda: (contextlib.nullcontext(), _uncounted(module))  # noqa: E731
        return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

    return run


@contextlib.contextmanager
def _uncounted(module: nn.Module) -> Iterator[None]:
    """Normalise as before without counting the batch a second time."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.training]
    counters = [part.num_batches_tracked for part in norms if part.num_batches_tracked is not None]
    momenta, counts = [part.momentum for part in norms], [counter.clone() for counter in counters]
    for part in norms:
        part.momentum = 0.0
    try:
        yield
    finally:
        for part, momentum in zip(norms, momenta):
            part.momentum = momentum
        for counter, count in zip(counters, counts):
            counter.copy_(count)


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store the model's weights with the channels_last before training begins.

    Convolutions hand this order on, and depthwise and narrow ones are then faster on a CPU. Values are the same up to
    rounding.

    Args:
        devices: Types of the devices on which it does, such as ``('cpu',)``; on others nothing changes. All by default.

    Raises:
        ConfigError: It is no list of types that torch knows.
    """

    def __init__(self, devices: Sequence[str] | None = None) -> None:
        if devices is not None and (isinstance(devices, str) or not all(map(_is_device, devices))):
            raise ConfigError(
                f"ChannelsLastHook: devices={devices!r}; expected a list of types, such as ['cpu'] or ['cpu', 'cuda']."
            )
        self.devices = devices

    def lay_out(self, model: nn.Module) -> None:
        """Reorder the weights in place; their parameters stay, so an optimizer keeps them."""
        channels_last(model, self.devices)

    def before_train(self, runner: Runner) -> None:
        """For a runner that has not done it before."""
        self.lay_out(runner.model)


def _is_device(name: str) -> bool:
    try:
        return torch.device(name).type == name
    except (RuntimeError, TypeError):
        return False


@HOOKS.register_module()
class SaveLabelsHook(Hook):
    """Write every answer of a video test as ``<folder>/<video>/<frame>.png``, a palette PNG with the data set's ids.

    That is the tree that the servers of DAVIS and YouTube-VOS take; frames that the data set does not ask for are left
    out.

    Args:
        folder: Below the run's folder unless it is absolute.
    """

    def __init__(self, folder: str = 'labels') -> None:
        self.folder = folder

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Write the labels of one batch."""
        root = Path(runner.work_dir) / self.folder
        for sample in outputs or ():
            if sample.get('pred_labels') is None:
                continue
            saved = sample.get('saved') or [True] * len(sample.frame_ids)
            for frame, labels, wanted in zip(sample.frame_ids, sample.pred_labels, saved):
                if wanted:
                    write_label_png(root / str(sample.set_id) / f'{frame}.png', labels)
