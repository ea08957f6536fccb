"""Activation checkpointing: memory for time."""

import contextlib
import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from salseg.errors import ConfigError
from salseg.registry import HOOKS


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
    kept = [(part, part.momentum, part.num_batches_tracked.clone()) for part in norms]
    for part in norms:
        part.momentum = 0.0
    try:
        yield
    finally:
        for part, momentum, count in kept:
            part.momentum = momentum
            part.num_batches_tracked.copy_(count)
