"""Optimisation: parameter groups, the wrapper of a step, schedules."""

import contextlib
import copy
import inspect
import math
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from salseg.errors import ConfigError, NotFinite
from salseg.mmengine_compat.running import ValueScheduler, clip_gradients, count_backward
from salseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS

_KEYS = {'custom_keys', 'norm_decay_mult', 'bias_decay_mult'}
_MULTIPLIERS = {'lr_mult', 'decay_mult'}
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedOptimWrapperConstructor:
    """One parameter group for each pair of learning rate and decay; ``optim_wrapper.constructor`` of every recipe.

    mmengine's own constructor makes a group of every single parameter where there is a ``paramwise_cfg``; few groups let
    the optimiser step over all their parameters at once.

    Args:
        optim_wrapper_cfg: Config of the wrapper, with ``optimizer``.
        paramwise_cfg: ``custom_keys``, by part of a parameter's name ``lr_mult`` and ``decay_mult`` (the longest part that
            occurs wins); ``norm_decay_mult`` and ``bias_decay_mult``.

    Raises:
        ConfigError: An unknown key.
    """

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping[str, Any] | None = None) -> None:
        self.config = dict(optim_wrapper_cfg)
        self.paramwise = dict(paramwise_cfg or {})
        wrong = sorted(set(self.paramwise) - _KEYS)
        for part, multipliers in self.paramwise.get('custom_keys', {}).items():
            wrong += [f'custom_keys[{part!r}].{key}' for key in multipliers if key not in _MULTIPLIERS]
        if wrong:
            raise ConfigError(
                f'optim_wrapper.paramwise_cfg: unknown {", ".join(wrong)}; expected {", ".join(sorted(_KEYS))}, and '
                f'{", ".join(sorted(_MULTIPLIERS))} in custom_keys.'
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Wrapper around the optimiser of a model's trainable parameters."""
        module: nn.Module = getattr(model, 'module', model)
        optimizer = dict(self.config['optimizer'])
        groups = self._groups(module, optimizer.get('lr'), optimizer.get('weight_decay', 0.0))
        self._check_keys(module)
        for group in groups:
            rates = f'lr {group.get("lr", "default")}, weight decay {group["weight_decay"]}'
            MMLogger.get_current_instance().info(f'parameters: {sum(p.numel() for p in group["params"]):,} at {rates}')
        built = OPTIMIZERS.build({**optimizer, 'params': groups})
        wrapper = OPTIM_WRAPPERS.build({'type': 'OptimWrapper', **self.config, 'optimizer': built})
        if isinstance(wrapper, CheckedOptimWrapper):
            wrapper.names = {id(parameter): name for name, parameter in module.named_parameters()}
        return wrapper

    def _groups(self, module: nn.Module, rate: float | None, decay: float) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        seen: set[int] = set()
        for prefix, child in module.named_modules():
            for name, parameter in child.named_parameters(recurse=False):
                if parameter.requires_grad and id(parameter) not in seen:
                    seen.add(id(parameter))
                    key = self._multipliers(f'{prefix}.{name}', child, name)
                    groups.setdefault(key, []).append(parameter)
        lr = {} if rate is None else {'lr': rate}
        return [
            {'params': parameters, **{k: v * by_lr for k, v in lr.items()}, 'weight_decay': decay * by_decay}
            for (by_lr, by_decay), parameters in groups.items()
        ]

    def _multipliers(self, full: str, child: nn.Module, name: str) -> tuple[float, float]:
        custom = self.paramwise.get('custom_keys', {})
        parts = sorted((part for part in custom if part in full), key=len, reverse=True)
        chosen = custom[parts[0]] if parts else {}
        decay = 1.0
        if isinstance(child, _NORMS):
            decay = self.paramwise.get('norm_decay_mult', 1.0)
        elif name == 'bias':
            decay = self.paramwise.get('bias_decay_mult', 1.0)
        return chosen.get('lr_mult', 1.0), chosen.get('decay_mult', decay)

    def _check_keys(self, module: nn.Module) -> None:
        names = [name for name, _ in module.named_parameters()]
        for part in self.paramwise.get('custom_keys', {}):
            if not any(part in name for name in names):
                raise ConfigError(
                    f'optim_wrapper.paramwise_cfg.custom_keys: no parameter has {part!r} in its name; the first are '
                    f'{", ".join(names[:3])}.'
                )


# Steps in a row that the gradient scaler may skip: it halves its factor each time, so 2**16 is used up after as many.
_MOST_SKIPPED = 20


@OPTIM_WRAPPERS.register_module(name='OptimWrapper')
class CheckedOptimWrapper(OptimWrapper):
    """mmengine's wrapper, which notes the norms of the gradients for :func:`check_step`; ``OptimWrapper`` in a config.

    Attributes:
        names: Of the parameters by ``id``, for messages.
        norms: Of the gradients of the last step, before they are clipped, on the device; by the parameter's name.
        scales: Whether a step whose loss or gradients are not finite is skipped, which is normal, and the scale halved.
    """

    names: Mapping[int, str] = {}
    norms: tuple[list[str], Sequence[Tensor]] = ([], [])
    scales = False

    def step(self, **kwargs: Any) -> None:
        """Note the norms, clip, step."""
        self.note_norms()
        super().step(**kwargs)

    def note_norms(self) -> None:
        """Compute the norms of the gradients and leave them where they are: to read them would wait for the device."""
        parameters = [p for group in self.optimizer.param_groups for p in group['params'] if p.grad is not None]
        names = [self.names.get(id(p), 'a parameter') for p in parameters]
        # For all of them in few operations.
        self.norms = names, torch._foreach_norm([p.grad for p in parameters]) if parameters else []


def check_step(wrapper: Any, terms: Mapping[str, Any], step: int) -> None:
    """Stop where the losses or the gradients of a training step are infinite or no numbers.

    After a step, since the log reads its losses then anyway: within, the host would wait for the device. The weights are
    damaged by then, but no checkpoint was written of them.

    Args:
        wrapper: Of the optimizer.
        terms: What the step gave for the log, ``loss`` is the sum.
        step: Its number, from 1, for the message.

    Raises:
        NotFinite: Names the iteration, and the terms or the parameters.
    """
    if getattr(wrapper, 'scales', False):
        return
    names, norms = getattr(wrapper, 'norms', ([], []))
    if names:
        wrapper.norms = ([], [])
    total = _number(terms.get('loss', 0.0))
    if not math.isfinite(total):
        values = {name: _number(value) for name, value in terms.items() if name != 'loss'}
        bad = [f'{name} is {value}' for name, value in values.items() if not math.isfinite(value)]
        raise NotFinite(f'iteration {step}: {", ".join(bad) or "the sum of the losses is not finite"}. {_DIVERGED}.')
    lengths = torch.stack(list(norms)).tolist() if names else []
    wrong = [name for name, length in zip(names, lengths) if not math.isfinite(length)]
    if wrong:
        raise NotFinite(
            f'iteration {step}: the gradients of {len(wrong)} of {len(names)} parameters, the first {wrong[0]}, are not '
            f'finite. {_DIVERGED} or clip the gradients (optim_wrapper.clip_grad.max_norm=1).'
        )


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, Tensor) else value)


_DIVERGED = (
    'The last checkpoint stays. Lower the learning rate (optim_wrapper.optimizer.lr), look at the labels '
    '(`salseg check-data`)'
)


def iteration() -> int:
    """Number of the training step that is being done, from 1."""
    return int(MessageHub.get_current_instance().runtime_info.get('iter', 0)) + 1


_DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(CheckedOptimWrapper):
    """Forward passes under :class:`torch.autocast`; losses leave it by themselves.

    Args:
        dtype: 'bfloat16' (CPU and GPU, no scaling needed) or 'float16' (GPU, with gradient scaling).
        **kwargs: Of mmengine's ``OptimWrapper``: optimizer, accumulative_counts, clip_grad.

    Raises:
        ConfigError: Unknown number type, or float16 on a CPU.
    """

    def __init__(self, dtype: str = 'bfloat16', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dtype not in _DTYPES:
            raise ConfigError(f'optim_wrapper.dtype={dtype!r}; expected one of {", ".join(_DTYPES)}.')
        self.device_type = self.optimizer.param_groups[0]['params'][0].device.type
        if dtype == 'float16' and self.device_type == 'cpu':
            raise ConfigError("optim_wrapper.dtype='float16' needs a GPU; use 'bfloat16' on a CPU.")
        self.dtype = _DTYPES[dtype]
        self.scales = dtype == 'float16'
        self.scaler = torch.amp.GradScaler(self.device_type, enabled=self.scales)
        self.skipped = 0

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast around the forward pass."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Backward of the scaled loss."""
        self.scaler.scale(loss).backward(**kwargs)
        count_backward(self)

    def step(self, **kwargs: Any) -> None:
        """Unscale, clip, step.

        Raises:
            NotFinite: The scaler skipped more than 20 steps one after the other.
        """
        if not self.scales:
            self.note_norms()
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            clip_gradients(self)
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer, **kwargs)
        self.scaler.update()
        if self.scales:
            self.count_skipped(self.scaler.get_scale() < before)

    def count_skipped(self, skipped: bool) -> None:
        """Count a step that the scaler skipped, or begin anew after one that it did."""
        self.skipped = self.skipped + 1 if skipped else 0
        if self.skipped > _MOST_SKIPPED:
            raise NotFinite(
                f'iteration {iteration()}: the scaled gradients were not finite in {self.skipped} steps one after the other. '
                f"{_DIVERGED} or train in bfloat16 (optim_wrapper.dtype='bfloat16')."
            )

    def state_dict(self) -> dict[str, Any]:
        """Optimiser state and, for float16, that of the scaler."""
        state = super().state_dict()
        if self.scaler.is_enabled():
            state['grad_scaler'] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Undo :meth:`state_dict`."""
        scaler = state_dict.pop('grad_scaler', None)
        if scaler is not None and self.scaler.is_enabled():
            self.scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)


@PARAM_SCHEDULERS.register_module()
class TriangleLR(ValueScheduler):
    """Linear rise to the optimiser's learning rate and linear fall back (SCWSSOD, released code).

    At step n of ``total``: ``low + (peak - low) * max(0, 1 - |1 - 2 |n + offset| / total|)``, where peak is each parameter
    group's own rate and low is ``low_ratio * peak``.

    Args:
        optimizer: mmengine's wrapper or a torch optimiser.
        total: Steps of the whole triangle, T; in a config by default those of the training.
        low_ratio: Rate at both ends as a fraction of the peak.
        offset: Added to the step; the released code begins at -1.
        **kwargs: Of mmengine's schedulers.
    """

    def __init__(self, optimizer: Any, total: int, low_ratio: float = 1e-3, offset: int = -1, **kwargs: Any) -> None:
        self.total = total
        self.low_ratio = low_ratio
        self.offset = offset
        super().__init__(optimizer, param_name='lr', **kwargs)

    def values(self) -> list[float]:
        """The triangle's height under each group's peak."""
        return [triangle(self.last_step + self.offset, self.total, self.low_ratio * v, v) for v in self.base_values]


# Names that schedules give to their whole length: salseg's, and torch's cosine.
_LENGTHS = ('total', 'T_max')


def fill_lengths(schedules: Any, steps: int | None) -> None:
    """Give schedules, configs, that name no length that of the training, in place.

    Args:
        schedules: One or several; what is built already stays.
        steps: Of the training; None where it is not known yet.
    """
    for schedule in [schedules] if isinstance(schedules, MutableMapping) else schedules:
        if not isinstance(schedule, MutableMapping) or not steps:
            continue
        kind = PARAM_SCHEDULERS.get(schedule['type'])
        parameters = inspect.signature(kind).parameters if inspect.isclass(kind) else {}
        for name in _LENGTHS:
            if name in parameters and schedule.get(name) is None:
                schedule[name] = steps


# What of a schedule's state says how far it is, and not what it is.
_PROGRESS = {'last_step', '_global_step', '_last_value', 'verbose'}


@dataclass(frozen=True)
class ScheduleDifference:
    """What a checkpoint's schedule has otherwise than the config's.

    Attributes:
        text: In words.
        number: Place of the schedule; None where the numbers of schedules differ.
        key: Of its state.
        value: The config's.
    """

    text: str
    number: int | None = None
    key: str = ''
    value: Any = None

    @property
    def is_length(self) -> bool:
        """Whether it is the schedule's whole length, which follows the length of the run."""
        return self.key in (*_LENGTHS, 'end')


def schedule_differences(built: Sequence[Any], saved: Sequence[Mapping[str, Any]]) -> list[ScheduleDifference]:
    """What a checkpoint's schedules have otherwise than those of the config.

    Args:
        built: Schedules of the config, before any step.
        saved: Their states in the checkpoint.
    """
    if len(built) != len(saved):
        return [ScheduleDifference(f'param_scheduler: {len(saved)} in the checkpoint, {len(built)} in the config')]
    found = []
    for number, (schedule, there) in enumerate(zip(built, saved)):
        here = schedule.state_dict()
        name = f'param_scheduler.{number} ({type(schedule).__name__})'
        for key in sorted((here.keys() | there.keys()) - _PROGRESS):
            if _plain(here.get(key)) != _plain(there.get(key)):
                title = 'learning rate' if key == 'base_values' else key
                text = f'{name}: {title} {there.get(key)} in the checkpoint, {here.get(key)} in the config'
                found.append(ScheduleDifference(text, number, key, here.get(key)))
    return found


def follow_length(
    schedule: Any, saved: MutableMapping[str, Any], difference: ScheduleDifference, optimizer: Mapping[str, Any]
) -> None:
    """Give the state of a schedule the config's length, and the next step the rate that it has at that length.

    Args:
        schedule: The config's.
        saved: Its state in the checkpoint, changed in place.
        difference: One of its lengths.
        optimizer: State of the optimiser, whose rates are changed in place where the schedule is a function of the step;
            one that goes from value to value takes the new length with its next step.
    """
    saved[difference.key] = difference.value
    # A schedule that had ended did not count on.
    saved['last_step'] = max(min(saved['_global_step'], saved['end'] - 1) - saved['begin'], -1)
    if isinstance(schedule, ValueScheduler):
        there = copy.copy(schedule)
        there.load_state_dict(dict(saved))
        saved['_last_value'] = there.values()
        for group, value in zip(optimizer['param_groups'], saved['_last_value']):
            group[schedule.param_name] = value


def _plain(value: Any) -> Any:
    """Values that a checkpoint may hold in another container: a Counter of milestones as a dict, a tuple as a list."""
    if isinstance(value, Mapping):
        return sorted(value.items())
    return list(value) if isinstance(value, list | tuple) else value


def triangle(step: int, total: int, low: float, peak: float) -> float:
    """Value of the triangle at a step; steps count by magnitude, so -1 gives the value of 1."""
    return low + (peak - low) * max(0.0, 1 - abs(1 - 2 * abs(step) / total))
