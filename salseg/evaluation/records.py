"""Parts of an evaluation on disk, so that one that was killed continues where it stopped.

What was asked for is the run's record, as of every command that can be resumed; what was scored is a journal beside it. A
part is one line of JSON, found by a key of what went into it: the files' paths, sizes and times, and the settings of the
record that decide a score. Each process that writes has a file of its own; a line that was cut by a kill is no part.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.protocols import PartialResult, Problem, Protocol
from salseg.evaluation.tasks import ScoringTask
from salseg.io.record import RunRecord, begin, differences, read_record, write_record
from salseg.version import __version__

COMMAND = 'evaluate'
# Counts up when a metric, a reader or the form of a part changes.
VERSION = 1


def describe(protocol: Protocol, resize: bool, **request: Any) -> RunRecord:
    """The record of an evaluation: what decides the score of a unit, and ``request``, which decides what units there are."""
    metrics = f'{VERSION} of salseg {__version__}'
    return RunRecord(COMMAND, dict(protocol=protocol.identity, resize=resize, metrics=metrics, **request))


def begin_record(folder: Path, wanted: RunRecord, shared: bool) -> RunRecord:
    """Begin an evaluation or resume one; the record of another one is replaced, as parts of both can lie in one folder.

    Raises:
        DataError: The folder is that of another command, its record is broken, or it cannot be written.
    """
    found = read_record(folder, COMMAND)
    if found is None or not differences(found, wanted):
        return begin(folder, wanted, 'Start it again.', shared)
    wanted.since = found.since
    write_record(folder, wanted)
    return wanted


def scoring_identity(record: RunRecord) -> str:
    """What decides the score of a unit besides its files."""
    return record.identity('protocol', 'resize', 'metrics')


def key_of(identity: str, work: ScoringTask) -> str:
    """What a unit's scores depend on, as 40 hexadecimal digits.

    Args:
        identity: See `scoring_identity`.
        work: The unit.

    Raises:
        DataError: A file vanished.
    """
    head = f'{identity} {work.group}'
    digest = hashlib.sha1(head.encode(errors='surrogateescape'), usedforsecurity=False)
    for item in work.items:
        for path in (item.truth, item.prediction):
            digest.update(f'\n{item.stem} {item.counted} {_identity(path)}'.encode(errors='surrogateescape'))
    return digest.hexdigest()


def _identity(path: Path | None) -> str:
    if path is None:
        return 'none'
    try:
        status = os.stat(path)
    except OSError as error:
        raise DataError(f'{path} vanished while it was being scored: {error}.') from error
    # The change of status tells of a file that was put in the place of another with its time.
    return f'{os.path.abspath(path)} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}'


class Records:
    """The journal: parts on disk; in memory only where each one is.

    Args:
        folder: Is made.
        writer: Name of this process' file.

    Raises:
        DataError: The folder cannot be used.
    """

    def __init__(self, folder: Path, writer: str = 'main') -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(folder / f'{writer}.jsonl', 'ab')  # noqa: SIM115 - open as long as the evaluation runs
        except OSError as error:
            raise DataError(f'records cannot be written to {folder}: {error}. Choose another --out.') from error
        self.folder = folder
        self._places: dict[str, tuple[Path, int]] = {}
        self._read_to: dict[Path, int] = {}
        self._end_line()
        self.refresh()

    def _end_line(self) -> None:
        """Begin a new line behind one that a kill cut."""
        if self._file.tell():
            with open(self._file.name, 'rb') as file:
                file.seek(-1, os.SEEK_END)
                cut = file.read(1) != b'\n'
            if cut:
                self._file.write(b'\n')
                self._file.flush()

    def refresh(self) -> None:
        """Find the parts that other processes have written since."""
        for path in sorted(self.folder.glob('*.jsonl')):
            with open(path, 'rb') as file:
                place = file.seek(self._read_to.get(path, 0))
                for line in file:
                    if not line.endswith(b'\n'):
                        break
                    key = line[9:49]
                    if line.startswith(b'{"key": "') and line.endswith(b'}\n') and len(key) == 40:
                        self._places[key.decode('ascii', 'replace')] = (path, place)
                    place += len(line)
                self._read_to[path] = place

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> PartialResult | None:
        """PartialResult of a key; None if there is none or its line is damaged."""
        if key not in self._places:
            return None
        path, place = self._places[key]
        with open(path, 'rb') as file:
            file.seek(place)
            line = file.readline()
        try:
            return decode(json.loads(line)['part'])
        except (ValueError, KeyError, TypeError):
            del self._places[key]
            return None

    def put(self, key: str, part: PartialResult) -> None:
        """Write a part; once this returns a kill does not lose it."""
        place = self._file.tell()
        self._file.write(json.dumps(dict(key=key, part=encode(part))).encode() + b'\n')
        self._file.flush()
        self._places[key] = (Path(self._file.name), place)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def encode(part: PartialResult) -> dict[str, Any]:
    """A part as plain values; arrays keep all their bits."""
    arrays = {
        name: dict(shape=array.shape, dtype=array.dtype.str, data=base64.b64encode(array.tobytes()).decode())
        for name, array in part.arrays.items()
    }
    return dict(
        group=part.group, rows=part.rows, arrays=arrays, problems=[asdict(p) for p in part.problems],
        missing=part.missing, resized=part.resized,
    )  # fmt: skip


def decode(value: dict[str, Any]) -> PartialResult:
    """Undo `encode`."""
    return PartialResult(
        group=value['group'],
        rows=[(name, row) for name, row in value['rows']],
        arrays=dict(_arrays(value['arrays'])),
        problems=[Problem(**problem) for problem in value['problems']],
        missing=value['missing'],
        resized=value['resized'],
    )


def _arrays(values: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in values.items():
        flat = np.frombuffer(base64.b64decode(value['data']), np.dtype(value['dtype']))
        yield name, flat.reshape(value['shape'])
