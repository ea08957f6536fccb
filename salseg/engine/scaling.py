"""The batch of a step over several processes: divided, or scaled by a written rule where it does not divide."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from salseg.errors import ConfigError

# What the learning rate is multiplied by where a step holds so many times the batch.
RULES: dict[str, Callable[[int], float]] = {'linear': float, 'sqrt': math.sqrt}
# Lengths in steps, by the part of a config in which they stand.
_TRAINING = ('max_iters', 'val_begin', 'val_interval')
_SCHEDULE = ('begin', 'end', 'total', 'T_max', 'total_iters', 'step_size', 'milestones')
_RAMPS = ('ramp_iterations',)
_BOOTSTRAP = ('start', 'end')


def fit_batch(config: Any, processes: int) -> str:
    """Make a config fit the number of processes, in place.

    ``train_dataloader.batch_size`` (and ``sizes`` of an alternating batch sampler) is the batch of a whole step: samples,
    curricula, schedules and lengths are those of one process. Processes divide it evenly. Where they cannot, one group or
    clip a step for example, ``scale_batch`` allows that every process takes it whole: the step then holds ``processes``
    times as much, the learning rate is multiplied by that number ('linear') or its root ('sqrt'), and every length in
    steps is divided by it, rounded up. Lengths in samples and epochs stay.

    Args:
        config: The whole config.
        processes: How many train together.

    Returns:
        A line that says what was done.

    Raises:
        ConfigError: The batch does not divide and no rule is given, or an unknown one.
    """
    rule = config.get('scale_batch')
    if rule is not None and rule not in RULES:
        raise ConfigError(f'scale_batch={rule!r}; expected None, {" or ".join(map(repr, RULES))}.')
    loader = config.get('train_dataloader')
    if not loader or processes == 1:
        return ''
    uneven = [size for size in _sizes(loader) if size % processes]
    if not uneven:
        return f'{processes} processes divide the batch of {loader["batch_size"]}'
    if rule is None:
        raise ConfigError(undivided(uneven[0], processes))
    factor = RULES[rule](processes)
    loader['batch_size'] *= processes
    sampler = loader.get('batch_sampler') or {}
    if 'sizes' in sampler:
        sampler['sizes'] = tuple(size * processes for size in sampler['sizes'])
    config['optim_wrapper']['optimizer']['lr'] *= factor
    for node, names in _lengths(config):
        _divide(node, names, processes)
    # The config that is written beside the run is scaled already.
    config['scale_batch'] = None
    return (
        f'{processes} processes take the batch of {uneven[0]} each: learning rate times {factor:.3g}, lengths in steps '
        f'divided by {processes}'
    )


def undivided(size: int, processes: int) -> str:
    """What is wrong with a batch, and what to do."""
    return (
        f'train_dataloader: {size} per step is the batch of all processes and does not divide over {processes}. Start a '
        "number of processes that divides it, or set scale_batch='linear': every process then takes that many, the "
        f"learning rate is multiplied by {processes} ('sqrt': by {math.sqrt(processes):.3g}) and lengths in steps are "
        f'divided by {processes}.'
    )


def _sizes(loader: Mapping[str, Any]) -> list[int]:
    return list((loader.get('batch_sampler') or {}).get('sizes', [loader['batch_size']]))


def _lengths(config: Mapping[str, Any]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Parts of a config with lengths in steps, and their names."""
    yield config.get('train_cfg') or {}, _TRAINING
    yield (config.get('default_hooks') or {}).get('checkpoint') or {}, ('interval',)
    schedules = config.get('param_scheduler') or []
    for schedule in [schedules] if isinstance(schedules, Mapping) else schedules:
        yield schedule, () if schedule.get('by_epoch') else _SCHEDULE
    for loss in (config['model'].get('losses') or {}).values():
        if loss:
            yield loss, _RAMPS + (_BOOTSTRAP if loss.get('type') == 'BootstrappedCrossEntropyLoss' else ())


def _divide(node: Any, names: tuple[str, ...], processes: int) -> None:
    for name in names:
        value = node.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            node[name] = -(-value // processes)
        elif isinstance(value, list | tuple):
            node[name] = [-(-step // processes) for step in value]
