"""Results that runs have left, found for the rows of a register.

`salseg test` leaves, below the folder of the run or where --work-dir says, its config and `TIME/TIME.json`, the metrics. The
run's own config, one folder above, says what was trained.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from salseg.apis.rows import Register, Row, TestSet
from salseg.engine.config import load_config, read_run_config, run_config_of
from salseg.engine.config.loading import parse_options
from salseg.engine.evaluators import protocol_names
from salseg.errors import DataError

# Of the config, what decides whether a run is the row's; the rest is of machine, place and log.
_RECIPE = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler')
_OF_THE_MACHINE = ('seed', 'num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')


@dataclass(frozen=True)
class TestedRun:
    """A test that has ended.

    Attributes:
        path: Of its metrics.
        trained: Config of the training, or of the test where no other is there.
        tested: Config of the test.
        metrics: By '<set>/<metric>'.
    """

    path: Path
    trained: Config
    tested: Config
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Found:
    """What a run says of a row on a set.

    Attributes:
        metrics: In the order of the set's columns; None for one that the run does not have.
        path: Of the file.
        changed: First key in which the run's recipe is not the row's; empty where it is.
    """

    metrics: tuple[float | None, ...]
    path: Path
    changed: str = ''


def find_tests(folder: str) -> list[TestedRun]:
    """All tests below a folder, of each folder of tests the newest.

    Raises:
        DataError: There is no such folder, or metrics cannot be read.
    """
    if not Path(folder).is_dir():
        raise DataError(f'--runs {folder}: there is no such folder; expected the one that runs lie in, e.g. work_dirs.')
    newest: dict[Path, Path] = {}
    for path in sorted(Path(folder).rglob('*.json')):
        # TIME/TIME.json; vis_data/TIME.json is the log of a training.
        if path.stem == path.parent.name:
            newest[path.parent.parent] = path
    found = (_tested(place, path) for place, path in newest.items())
    return [run for run in found if run is not None]


def _tested(place: Path, path: Path) -> TestedRun | None:
    tested, above = run_config_of(place), run_config_of(place.parent)
    if tested is None:
        return None
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise DataError(f'{path} holds no metrics: {error}. Delete it, or test again.') from error
    metrics = {name: value for name, value in values.items() if isinstance(value, int | float)}
    config = read_run_config(tested, to_build=False)
    return TestedRun(path, read_run_config(above, to_build=False) if above else config, config, metrics)


def results_of(register: Register, row: Row, one: TestSet, runs: Sequence[TestedRun]) -> list[Found]:
    """Results of a row on a set, of the runs whose configs have the names and the start that the row has."""
    if one.how or one.cannot:
        # Another protocol than that of `salseg test`: its numbers do not compare.
        return []
    trained = register.trained(row)
    tested_with = one.config or trained.config
    found = []
    for run in runs:
        names = [Path(config.filename).stem for config in (run.trained, run.tested)]
        if names[0] != trained.config or names[1] not in (tested_with, trained.config):
            continue
        keys = _keys(run, one)
        if any(key in run.metrics for key in keys) and _starts_alike(trained, run):
            metrics = tuple(run.metrics.get(key) for key in keys)
            found.append(Found(metrics, run.path, _changed(register, trained, run)))
    return found


def _keys(run: TestedRun, one: TestSet) -> list[str]:
    """Names that the columns of a set have among the metrics of a test: its first protocol's have no protocol in them."""
    first = protocol_names(run.tested.get('test_evaluator'))[:1] == [one.protocol]
    return [f'{one.name}/{column}' if first else f'{one.name}/{one.protocol}/{column}' for column in one.columns]


def _starts_alike(row: Row, run: TestedRun) -> bool:
    """Rows that differ in whether they start from another stage have configs of one name."""
    wanted = [entry.value for entry in row.distinct if entry.where == 'config.load_from']
    if not wanted or run.trained is run.tested:
        return True
    return (run.trained.get('load_from') is None) == (wanted[0] is None)


def _changed(register: Register, row: Row, run: TestedRun) -> str:
    options = {key: value for key, value in parse_options(row.options).items() if key != 'load_from'}
    wanted, there = load_config(str(register.config_path(row.config)), options), run.trained
    for part in _RECIPE:
        expected, actual = (dict(_leaves(config.get(part), part)) for config in (wanted, there))
        for key in sorted(expected.keys() | actual.keys()):
            if expected.get(key) != actual.get(key):
                return key
    return ''


def _leaves(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        items = [(str(key), value) for key, value in node.items() if key not in _OF_THE_MACHINE]
    elif isinstance(node, list | tuple):
        items = [(str(key), value) for key, value in enumerate(node)]
    else:
        # A list of names lies beside the config, wherever that is.
        yield place, Path(node).name if isinstance(node, str) and place.endswith('list_file') else node
        return
    for key, value in items:
        yield from _leaves(value, f'{place}.{key}')
