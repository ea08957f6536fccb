"""Checkpoints of tensors and plain values only, written so that a kill at any moment loses nothing."""

import contextlib
import os
import platform
import re
import zipfile
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol, cast

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from salseg.errors import CheckpointError
from salseg.io.files import replacing

_TAG = '__salseg__'
# How torch words a difference in shape.
_MISMATCH = re.compile(r'size mismatch for (\S+): .*?torch\.Size\((\[.*?\])\).*?torch\.Size\((\[.*?\])\)')
# Share of the model's entries that a file must bring to count as its start.
_LEAST = 0.1
# Of files that torch writes: a zip archive; before torch 1.6 a pickle.
_BEGINNINGS = (b'PK', b'\x80')
_PLAIN = (str, int, float, bool, type(None), Tensor)


def encode(value: Any, where: str = '') -> Any:
    """Turn a training state into tensors and plain values, so that it loads without running code.

    Args:
        value: What mmengine's message hub, schedulers and meta hold. Callables in dicts are dropped: freshly built
            objects have their own.
        where: Path of the value, for messages.

    Raises:
        CheckpointError: A type that has no safe form; the message names its key.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, HistoryBuffer):
        history, counts = value.data
        arrays = dict(
            values=torch.tensor(np.asarray(history, np.float64)), counts=torch.tensor(np.asarray(counts, np.float64))
        )
        return {_TAG: 'history', 'max_length': int(value.max_length), **arrays}
    if isinstance(value, np.ndarray):
        return {_TAG: 'array', 'value': torch.from_numpy(value.copy())}
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if not callable(v) or isinstance(v, nn.Module)}
        return {encode(k, where): encode(v, f'{where}.{k}') for k, v in kept.items()}
    if isinstance(value, list | tuple | deque | set):
        items = [encode(v, f'{where}[{i}]') for i, v in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    raise CheckpointError(
        f'{where or "the state"} holds a {type(value).__module__}.{type(value).__name__}, which has no safe form in a '
        'checkpoint. Keep tensors, numbers, strings, lists and dicts in the message hub and in schedulers.'
    )


def decode(value: Any) -> Any:
    """Undo :func:`encode`."""
    if isinstance(value, Mapping):
        kind = value.get(_TAG)
        if kind == 'history':
            history, counts = value['values'].cpu().numpy(), value['counts'].cpu().numpy()
            return HistoryBuffer(history, counts, max_length=value['max_length'])
        if kind == 'array':
            return value['value'].cpu().numpy()
        return {k: decode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(decode(v) for v in value)
    return value


def load_file(path: str | os.PathLike, map_location: Any = 'cpu', mmap: bool = False) -> dict[str, Any]:
    """Read a checkpoint without running anything that it says.

    Args:
        path: The file.
        map_location: Where tensors go.
        mmap: Read tensors when they are used; for a look at names and plain values.

    Returns:
        The checkpoint; a bare state dict is wrapped as ``{'state_dict': ...}``.

    Raises:
        CheckpointError: The file is missing, cut, or holds more than tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        around = sorted(p.name for p in path.parent.glob('*.pth'))[:5] if path.parent.is_dir() else []
        raise CheckpointError(
            f'the checkpoint {path} does not exist; {path.parent} '
            + (f'holds {", ".join(around)}.' if around else 'holds no .pth file.')
        )
    with path.open('rb') as file:
        head = file.read(40)
    if head and not head.startswith(_BEGINNINGS):
        raise CheckpointError(
            f'{path} is no readable checkpoint ({path.stat().st_size} bytes): it begins with {head!r}, as no file of torch '
            'does. Name the file of weights, or the folder of a run.'
        )
    try:
        # Files of torch before 1.6 are no archives, of which a part could be read.
        mmap = mmap and zipfile.is_zipfile(path)
        loaded = torch.load(path, map_location=map_location, weights_only=True, mmap=mmap)
    except UnpicklingError as error:
        raise CheckpointError(
            f'{path} holds more than tensors and plain values and was not opened, since reading it could run foreign code.\n'
            f'  refused: {_first_line(error)}\n'
            '  Where you trust it, write its bare weights with torch.save(model.state_dict(), FILE) in the program that made '
            "it. The authors' weights: `salseg weights import`."
        ) from None
    except Exception as error:
        # torch's readers raise whatever they meet in damaged bytes.
        raise CheckpointError(
            f'{path} is no readable checkpoint ({path.stat().st_size} bytes): {_first_line(error)}\n'
            '  It may have been cut while copying; use an older one of the same folder.'
        ) from error
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f'{path} holds a {type(loaded).__name__}; expected a dict with state_dict.')
    if 'state_dict' not in loaded:
        loaded = {'state_dict': loaded}
    state, meta = loaded['state_dict'], loaded.get('meta')
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise CheckpointError(f'{path}: its state_dict is no dict of weights by name; it was not saved from a model.')
    if not isinstance(meta, Mapping | None):
        raise CheckpointError(
            f'{path}: its meta is a {type(meta).__name__}; expected a dict. It was not written by salseg.'
        )
    return dict(loaded)


def _first_line(error: BaseException) -> str:
    text = str(error).replace('Weights only load failed.', '').strip()
    lines = [
        line.strip() for line in text.splitlines() if 'Unsupported' in line or 'GLOBAL' in line
    ] or text.splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]


class _WithSource(Protocol):
    weights_source: str | None


@dataclass(frozen=True)
class Fit:
    """What of a file of weights fits a model, by names of entries.

    Attributes:
        total: Entries of the model.
        missing: Of the model, not in the file: they keep their start.
        foreign: Of the file, unknown to the model.
        shapes: In both with different shapes, the two shapes behind each name.
    """

    total: int
    missing: list[str]
    foreign: list[str]
    shapes: list[str]

    @property
    def loaded(self) -> int:
        """Entries of the same name."""
        return self.total - len(self.missing)

    def line(self) -> str:
        """Counts in one line, and the first names of what did not come from the file."""
        counts = {'missing': self.missing, 'foreign': self.foreign, 'of another shape': self.shapes}
        return f'{self.loaded} of {self.total} entries loaded' + ''.join(
            f', {len(names)} {kind}{_first(names)}' for kind, names in counts.items()
        )


def load_weights(
    model: nn.Module,
    state: Mapping[str, Tensor],
    source: str,
    partial: bool = False,
    cause: Callable[[Iterable[str], Iterable[str]], str] | None = None,
) -> Fit:
    """Load a state dict and say exactly what does not fit.

    Args:
        model: Gets the weights.
        state: Parameter names to tensors; a leading ``module.`` is cut.
        source: Where it comes from, for messages and ``model.weights_source``.
        partial: Keys may be missing on either side (fine-tuning from another model), but no shape may differ and
            a tenth of the model's entries must be there.
        cause: Says from both sides' names what a file that does not fit may be.

    Returns:
        What was loaded and what not; a shape may differ where a layer widens what an older stage saved.

    Raises:
        CheckpointError: Keys or shapes differ; the message counts and names them.
    """
    state = OrderedDict((key.removeprefix('module.'), value) for key, value in state.items())
    own = model.state_dict()
    missing, foreign, shapes = (
        [k for k in own if k not in state],
        [k for k in state if k not in own],
        _shapes(own, state),
    )
    fit = Fit(len(own), missing, foreign, shapes)
    refused: list[str] = []
    fits = fit.loaded > _LEAST * fit.total if partial else not (missing or foreign)
    if fits:
        try:
            # Through the modules' own hooks: a layer may widen what an older stage saved, so shapes are judged after them.
            model.load_state_dict(state, strict=not partial)
        except RuntimeError as error:
            refused = [f'{name} {there} here {here}' for name, there, here in _MISMATCH.findall(str(error))] or [
                str(error)
            ]
    if not fits or refused:
        guess = cause(list(own), list(state)) if cause is not None else ''
        raise CheckpointError(
            f'{source} does not fit this {type(model).__name__}: {fit.loaded} of {fit.total} entries have the same name.\n'
            + _listing('  missing in the file', missing)
            + _listing('  unknown to the model', foreign)
            + _listing('  other shapes', refused or shapes)
            + (f'  Most likely {guess}.\n' if guess else '')
            + "  Is it a checkpoint of another config? The run's folder holds its config; `load_partial=True` in a config "
            'loads what fits, where a tenth of the model does.'
        )
    cast(_WithSource, model).weights_source = source
    return fit


def _shapes(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    both = [key for key in own if key in state and getattr(state[key], 'shape', None) != own[key].shape]
    return [f'{key} {tuple(getattr(state[key], "shape", ()))} here {tuple(own[key].shape)}' for key in both]


def _listing(title: str, names: list[str]) -> str:
    return f'{title} ({len(names)}): {_some(names, 5)}\n' if names else ''


def _first(names: list[str]) -> str:
    return f' ({_some(names, 3)})' if names else ''


def _some(names: list[str], count: int) -> str:
    return f'{", ".join(names[:count])}{", ..." if len(names) > count else ""}'


def save_file(checkpoint: Mapping[str, Any], path: str | os.PathLike, save: Callable[..., None] = torch.save) -> None:
    """Write a checkpoint in one step.

    Raises:
        CheckpointError: The disk is full or the folder cannot be written; an older file of that name is intact.
    """
    with failing_write(path), replacing(path) as temporary:
        save(checkpoint, temporary)


@contextlib.contextmanager
def failing_write(path: str | os.PathLike) -> Iterator[None]:
    """Turn a failed write into a message that says what is still intact."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # torch reports a failed write of its archive as RuntimeError, and not always what stood in its way.
        reason = error if isinstance(error, OSError) else f'it is not whole on the disk ({error})'
        raise CheckpointError(
            f'writing {path} failed: {reason}\n  What was written before is intact. Free some space or write elsewhere, then '
            'repeat the command, a training with --resume.'
        ) from error


def has_checkpoint(work_dir: str | Path) -> bool:
    """Whether a run's folder holds a finished checkpoint."""
    return any(Path(work_dir).glob('iter_*.pth'))


def chosen_checkpoint(work_dir: str | Path) -> str:
    """Checkpoint that a later stage starts from: the best one of a run that selects (``save_best``), else the newest.

    Raises:
        CheckpointError: There is none.
    """
    best = sorted(Path(work_dir).glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    return str(best[-1]) if best else newest_checkpoint(work_dir)


def newest_checkpoint(work_dir: str | Path) -> str:
    """Checkpoint that a run's folder points to.

    Raises:
        CheckpointError: There is none.
    """
    pointer = Path(work_dir) / 'last_checkpoint'
    found = sorted(Path(work_dir).glob('iter_*.pth'), key=lambda p: p.stat().st_mtime)
    if pointer.is_file():
        named = Path(pointer.read_text(encoding='utf-8').strip())
        # The folder may have been moved or copied since: its own file counts before the one of that name elsewhere.
        for candidate in (Path(work_dir) / named.name, named):
            if candidate.is_file():
                return str(candidate)
    if found:
        return str(found[-1])
    raise CheckpointError(
        f'{work_dir} holds no checkpoint to resume from. Start without --resume, or name one: --resume FILE.'
    )


def export_weights(model: torch.nn.Module, path: str | Path, half: bool = False) -> None:
    """Write the bare weights of a model, to hand on.

    Args:
        model: Its state dict is written.
        path: Target file, replaced in one step.
        half: Whether floating weights are stored in half precision.
    """
    state = {k: v.half() if half and v.is_floating_point() else v for k, v in model.state_dict().items()}
    with replacing(path, alone=True) as temporary:
        torch.save(dict(meta=dict(python=platform.python_version()), state_dict=state), temporary)
