"""What makes a training this one: its config, the weights that it started from, its data. Every checkpoint carries it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import EMAHook

from salseg.datasets.base import SetDataset
from salseg.engine.checkpoint import load_file
from salseg.engine.hooks import StepSeedHook, configured_hooks
from salseg.errors import CheckpointError
from salseg.io.fields import short
from salseg.io.record import content_digest

KEY = 'run'
# Parts of a config that decide what is learned. Schedules are compared by their states, lengths may change.
_PARTS = ('model', 'train_dataloader', 'optim_wrapper', 'randomness')
# Of the machine and of places; pretrained weights are in the checkpoint.
_ELSEWHERE = (
    'num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'data_root', 'list_file', 'weights', 'pretrained',
)  # fmt: skip
# Hooks that take part in what is learned. Others log, save, watch or stop, and may change from one call to the next.
_LEARNING = (EMAHook, StepSeedHook)
_SHOWN = 5


def run_identity(config: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    """What decides the result of a training, as values that JSON has.

    Args:
        config: The whole config; ``load_from`` of a run that begins.
        dataset: Its training set; pixels are not read.
    """
    leaves = {key: value for part in _PARTS for key, value in _leaves(config.get(part), part)}
    leaves |= dict(_leaves(configured_hooks(config, *_LEARNING), 'hooks'))
    start = config.get('begun_from') if config.get('resume') else config.get('load_from')
    found = dict(
        config=leaves,
        start=_start(str(start)) if start else '',
        data=_data(dataset),
    )
    return dict(json.loads(json.dumps(found, default=str)))


def refuse_another_run(filename: str, saved: Any, wanted: dict[str, Any]) -> None:
    """Stop a training that would go on from another one's checkpoint.

    Args:
        filename: The checkpoint.
        saved: Its identity; None of one that was written before there was any.
        wanted: That of this run; without start weights it takes those of the checkpoint.

    Raises:
        CheckpointError: They differ; it says in what.
    """
    if not isinstance(saved, Mapping):
        return
    wanted['start'] = wanted['start'] or saved.get('start', '')
    old, new = saved.get('config') or {}, wanted['config']
    different = [
        f'{key}: {short(old.get(key))} there, {short(new.get(key))} now'
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    if saved.get('data') != wanted['data']:
        different.append(f'data (names, sizes, times): {saved.get("data")} there, {wanted["data"]} now')
    if saved.get('start', '') != wanted['start']:
        different.append(f'start weights: {saved.get("start") or "none"} there, {wanted["start"]} now')
    if different:
        more = f'\n  and {len(different) - _SHOWN} more' if len(different) > _SHOWN else ''
        raise CheckpointError(
            f'{filename} is of another run than the one that is asked for:\n  '
            + '\n  '.join(different[:_SHOWN])
            + more
            + '\n  Resume with the config, options and data that it was begun with. Otherwise begin another run in another '
            f'folder, from its weights: --cfg-options load_from={filename}; or go on all the same: --allow-changes.'
        )


def _leaves(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key not in _ELSEWHERE:
                yield from _leaves(value, f'{place}.{key}')
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _leaves(value, f'{place}.{number}')
    elif node is not None:
        yield place, node


def _start(path: str) -> str:
    """Names, shapes and bytes of the weights of a file, in short."""
    state = load_file(path)['state_dict']
    parts = [
        f'{key} {tuple(value.shape)} '.encode() + _bytes(value)
        for key, value in state.items()
        if hasattr(value, 'shape')
    ]
    return content_digest(b''.join(content_digest(part).encode() for part in parts))[:16]


def _bytes(value: Any) -> bytes:
    flat = value.detach().contiguous().view(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes())


def _data(dataset: Any) -> str:
    """Items of a set in their order, with size and time of their files."""
    if not isinstance(dataset, SetDataset):
        return type(dataset).__name__
    marks: list[Any] = []
    files = 0
    for name, paths in dataset.listed_files():
        stats = [_stat(path) for path in paths]
        files += sum(stat is not None for stat in stats)
        marks.append([name, [path.name for path in paths], stats])
    return f'{len(dataset)} items, {files} files, {content_digest(json.dumps(marks).encode())[:16]}'


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
