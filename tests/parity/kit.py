"""Read parity files: reference values, the inputs and weights they were made from, and how close is close enough.

A file says everything itself, in `meta_json` (.npz) or under `meta` (.json): see README.md. A test of a system is

    @pytest.mark.parametrize('path', kit.files('rcrnet', 'warp'))
    def test_warp(path):
        meta, values = kit.load(path)
        given = kit.inputs(meta, values)
        kit.check(meta, values, dict(warped=warp(given['image'], given['flow'])))
"""

import fnmatch
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from tests.parity import fill
from tests.scripts import load_script

KIT = Path(__file__).resolve().parent
DATA = Path(os.environ.get('SALSEG_PARITY_DATA') or KIT)

# The recipes of a system say `import fill`; they are given this one, whatever is in the working directory.
sys.modules['fill'] = fill


@cache
def recipes(system: str) -> ModuleType:
    """The functions that make a system's inputs: always those of this project, never those of `DATA`."""
    return load_script(KIT / system / 'recipes.py')


def load(path: Path) -> tuple[dict | None, Any]:
    """Meta (None if the file has none) and values of one file."""
    if path.suffix == '.json':
        values = json.loads(path.read_text())
        return (values.pop('meta', None) if isinstance(values, dict) else None), values
    with np.load(path, allow_pickle=False) as archive:
        values = {name: archive[name] for name in archive.files}
    text = values.pop('meta_json', None)
    return (None if text is None else json.loads(str(text))), values


@cache
def _meta(path: Path) -> dict | None:
    if path.suffix == '.json':
        return load(path)[0]
    with np.load(path, allow_pickle=False) as archive:
        return json.loads(str(archive['meta_json'])) if 'meta_json' in archive.files else None


def discover(system: str, kind: str) -> Iterator[Path]:
    """Files of one kind, by content; their names play no part."""
    for path in sorted((DATA / system).glob('*')):
        if path.suffix in ('.npz', '.json'):
            meta = _meta(path)
            if meta and meta['kind'] == kind:
                yield path


def files(system: str, kind: str) -> list:
    """Parameters of a test, one per file of a kind.

    Without a file the test is an error in the project's own folder, and in a folder that holds no parity file at all;
    another one may hold some kinds only, and the test is skipped there.
    """
    found = [pytest.param(path, id=path.name) for path in discover(system, kind)]
    if found:
        return found
    message = f'no parity file of kind {kind!r} in {DATA / system}'
    if DATA.resolve() == KIT or not any(path.suffix == '.npz' for path in DATA.glob('*/*')):
        raise FileNotFoundError(message)
    return [pytest.param(None, id='no-file', marks=pytest.mark.skip(reason=message))]


def weights(meta: dict) -> dict[str, torch.Tensor]:
    """Official state dict of a file, filled; the order is that of the key list."""
    spec, state = meta['weights'], {}
    gains = json.loads((KIT / spec['gains_file']).read_text()) if 'gains_file' in spec else []
    for key, shape in json.loads((KIT / spec['keys_file']).read_text())['keys'].items():
        if fnmatch.fnmatchcase(key, spec.get('unused', '')):
            # Expanded: a large entry that nothing reads takes no memory.
            state[key] = torch.zeros(()).expand(shape)
            continue
        state[key] = torch.from_numpy(fill.array(spec['prefix'] + key, shape))
        for gain in gains:
            if key.startswith(gain['key_prefix']) and key.endswith(gain['key_suffix']):
                state[key] = state[key] * gain['multiplier']
    return state


def inputs(meta: dict, values: dict) -> dict[str, Any]:
    """Inputs by name: tensors where they are made, arrays (or several by entry) where they are stored."""
    return {item['name']: _input(meta, values, item) for item in meta['inputs']}


def _input(meta: dict, values: dict, item: dict) -> Any:
    if 'stored' in item:
        pattern = item['stored']
        return values[pattern] if pattern in values else {n: values[n] for n in fnmatch.filter(values, pattern)}
    if 'constant' in item:
        return torch.full(item['shape'], item['constant'])
    module, function = item['call'].split('.')
    arguments = [tuple(a) if isinstance(a, list) else a for a in item['args']]
    value = getattr(fill if module == 'fill' else recipes(meta['system']), function)(*arguments)
    if 'scale' in item or 'shift' in item:
        value = value * item.get('scale', 1) + item.get('shift', 0)
    return value.to(getattr(torch, item['dtype'])) if 'dtype' in item else value


def sample(name: str, tensors: Mapping[str, Any]) -> Any:
    """The entry `name` out of full tensors by base name; a KeyError names what is missing.

    Behind `@`, from left to right: `nS` takes every S-th of the first axis, `cS` of the second, `sS` of the last two,
    `iK` the K-th entry, `fK` the first K values of the flattened tensor. `.mean` is the mean over the last two axes.
    """
    if name in tensors:
        return tensors[name]
    if name.endswith('.mean'):
        return tensors[name[:-5]].mean((-2, -1))
    base, _, steps = name.partition('@')
    value = tensors[base]
    for step in steps.split('.') if steps else ():
        axis, k = step[0], int(step[1:])
        value = {
            'n': lambda v, k: v[::k],
            'c': lambda v, k: v[:, ::k],
            's': lambda v, k: v[..., ::k, ::k],
            'i': lambda v, k: v[k],
            'f': lambda v, k: v.flatten()[:k],
        }[axis](value, k)
    return value


def rule_of(meta: dict, name: str) -> dict:
    """Tolerance of one value: the first pattern that matches counts."""
    return next(rule for pattern, rule in meta['tolerance'].items() if fnmatch.fnmatchcase(name, pattern))


def close(meta: dict, name: str, got: Any, want: Any) -> bool:
    """Whether a value is within the tolerance that the file gives for its name. NaN must meet NaN."""
    rule, got, want = rule_of(meta, name), as_array(got), np.asarray(want)
    if got.shape != want.shape:
        return False
    if 'equal' in rule or 'rtol' in rule:
        return _elements_close(rule, got, want)
    got, want = got.astype(np.float64), want.astype(np.float64)
    if not np.array_equal(np.isnan(got), np.isnan(want)):
        return False
    top = np.nan_to_num(np.abs(want)).max(initial=0)
    return bool(_largest_difference(got, want) <= rule.get('abs', 0) + rule.get('rel', 0) * top)


def _elements_close(rule: dict, got: np.ndarray, want: np.ndarray) -> bool:
    if 'equal' in rule:
        fine = got == want
    else:
        numbers = got.astype(np.float64), want.astype(np.float64)
        fine = np.isclose(*numbers, rule['rtol'], rule.get('atol', 0), equal_nan=True)
    if 'abs' in rule and not np.all(np.abs(got.astype(np.float64) - want) <= rule['abs']):
        return False
    return bool(np.size(fine) == 0 or np.mean(fine) >= rule.get('equal', rule.get('share', 1)))


def _largest_difference(got: np.ndarray, want: np.ndarray) -> float:
    # inf - inf is NaN and would pass as 0.
    with np.errstate(invalid='ignore'):
        difference = np.where(got == want, 0.0, np.abs(got - want))
    both_nan = np.isnan(got) & np.isnan(want)
    return float(np.where(both_nan, 0.0, np.where(np.isnan(difference), np.inf, difference)).max(initial=0))


def as_array(value: Any) -> np.ndarray:
    """Tensor, number or list as an array."""
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def flatten(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Nested values by dotted path."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f'{prefix}{name}.'))
        else:
            flat[prefix + name] = value
    return flat


def expected(meta: dict, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values to check: all but stored inputs and those that the settings call unused or informative."""
    settings = meta['settings']
    left_out = [item['stored'] for item in meta['inputs'] if 'stored' in item]
    for field in ('unused', 'informative'):
        patterns = settings.get(field, [])
        left_out += [patterns] if isinstance(patterns, str) else patterns
    return {
        name: value
        for name, value in flatten(values).items()
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in left_out)
    }


def check(
    meta: dict,
    values: Mapping[str, Any],
    tensors: Mapping[str, Any],
    lookup: Callable[[str, Mapping[str, Any]], Any] = sample,
) -> None:
    """Compare every value of a file with what a test computed; report all that differ or are missing.

    Args:
        meta: Of the file.
        values: Of the file; nested ones are named by their dotted path.
        tensors: Computed values. Full tensors under their base names are sampled as a name demands.
        lookup: Finds the computed value of a name, for a system with sampling rules of its own; KeyError if none.
    """
    wanted = expected(meta, values)
    problems = [] if wanted else ['the file holds no value to check']
    for name, want in wanted.items():
        try:
            got = lookup(name, tensors)
        except KeyError as error:
            problems.append(f'{name}: not produced by the test ({error} is missing)')
            continue
        if not close(meta, name, got, want):
            problems.append(f'{name}: {describe(got, want)}, allowed {rule_of(meta, name)}')
    assert not problems, f'{len(problems)} of {len(wanted)} values:\n' + '\n'.join(problems)


def describe(got: Any, want: Any) -> str:
    """How two values differ, in a few words."""
    got, want = as_array(got), np.asarray(want)
    if got.shape != want.shape:
        return f'shape {got.shape} instead of {want.shape}'
    if not (np.issubdtype(got.dtype, np.number) and np.issubdtype(want.dtype, np.number)):
        return f'{np.count_nonzero(got != want)} of {want.size} elements differ'
    got, want = got.astype(np.float64), want.astype(np.float64)
    top = np.nan_to_num(np.abs(want)).max(initial=0)
    wrong = np.count_nonzero(~((got == want) | (np.isnan(got) & np.isnan(want))))
    return f'off by {_largest_difference(got, want):.3g} of {top:.3g}, {wrong} of {want.size} elements differ'
