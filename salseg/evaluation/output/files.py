"""Metrics as files: JSON for programs, CSV for spreadsheets."""

import contextlib
import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from salseg.evaluation.evaluate import Evaluation, Result
from salseg.evaluation.output.table import latex_table, statement, terminal_table
from salseg.evaluation.protocols import PartialResult, Protocol, plain
from salseg.evaluation.tasks import ScoringTask
from salseg.io.files import csv_cell, replacing, write_text
from salseg.version import __version__


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """All metrics as plain values; NaN becomes null, curves are lists."""
    protocol = evaluation.protocol
    return dict(
        salseg=__version__,
        protocol={name: getattr(protocol, name) for name in ('name', 'title', 'rule', 'source', 'note')},
        counted=statement(evaluation)[1:],
        dropped_frames=evaluation.dropped,
        ground_truth=str(evaluation.truth),
        ranked_by=protocol.rank_by,
        methods=[_method(rank, result) for rank, result in enumerate(evaluation.results, 1)],
    )


def _method(rank: int, result: Result) -> dict[str, Any]:
    curves = {name: np.round(value, 12).tolist() for name, value in result.metrics.items() if np.ndim(value)}
    return dict(
        rank=rank,
        name=result.method.name,
        folder=str(result.method.tree.root),
        counted=dict(result.counts),
        metrics=_finite(plain(result.metrics)),
        curves=curves,
    )


def _finite(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def write_json(evaluation: Evaluation, path: Path) -> Path:
    """Write all metrics and curves."""
    return write_text(path, json.dumps(as_json(evaluation), indent=1, allow_nan=False) + '\n')


def write_groups(evaluation: Evaluation, path: Path) -> Path:
    """Write a CSV of the metrics of every group or video."""
    names: list[str] = []
    for result in evaluation.results:
        for metrics in result.groups.values():
            names += [name for name in metrics if name not in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['protocol', 'method', evaluation.protocol.unit, *names])
        for result in evaluation.results:
            for group, metrics in result.groups.items():
                row = [_text(metrics.get(name)) for name in names]
                writer.writerow([evaluation.protocol.name, csv_cell(result.method.name), csv_cell(group), *row])
    return path


class RowFile:
    """A CSV with a row per image or object, written as the parts pass by.

    Args:
        protocol: Its name stands in every row.
        file: Open for writing.
    """

    def __init__(self, protocol: Protocol, file: TextIO) -> None:
        self._protocol = protocol
        self._writer = csv.writer(file)
        self._names: list[str] | None = None

    def take(self, work: ScoringTask, part: PartialResult) -> None:
        """Write the rows of a part."""
        missing = {item.stem for item in work.items if item.prediction is None}
        for name, metrics in part.rows:
            if self._names is None:
                self._names = list(metrics)
                item = 'image' if self._protocol.kind == 'maps' else 'object'
                self._writer.writerow(['protocol', 'method', self._protocol.unit, item, 'missing', *self._names])
            values = [_text(metrics.get(n)) for n in self._names]
            words = [csv_cell(word) for word in (work.method, part.group, name)]
            self._writer.writerow([self._protocol.name, *words, int(name in missing), *values])


@contextlib.contextmanager
def row_file(protocol: Protocol, path: Path) -> Iterator[RowFile]:
    """A `RowFile` that takes its name when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
        yield RowFile(protocol, file)
        file.flush()


def _text(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ''
    return str(int(value)) if value == int(value) and abs(value) > 1 else f'{value:.6f}'


def write_texts(evaluation: Evaluation, folder: Path) -> Sequence[Path]:
    """Write `metrics.json`, `table.txt`, `table.tex` and, where there are groups or videos, their CSV."""
    files = [
        write_json(evaluation, folder / 'metrics.json'),
        write_text(folder / 'table.txt', terminal_table(evaluation) + '\n'),
        write_text(folder / 'table.tex', latex_table(evaluation)),
    ]
    if any(set(result.groups) != {''} for result in evaluation.results):
        files.append(write_groups(evaluation, folder / f'{evaluation.protocol.unit}s.csv'))
    return files
