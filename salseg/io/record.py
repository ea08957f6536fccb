"""The record of a run that can be resumed: what its results depend on, and how far it has come.

There is one format for every command (predict, track, evaluate, precompute) and one name, ``run.json`` in the folder of the
results. Only the notes on groups, which several shards write at once, are files of their own: `write_item`.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from salseg.errors import DataError
from salseg.io.fields import Fields, read_fields, short
from salseg.io.files import PathLike, write_text
from salseg.version import __version__

FILE_NAME = 'run.json'
# Counts up when a field changes its meaning: an older record is then refused, not misread.
FORMAT = 1
REPLACE = 'Choose another --out, or allow their replacement: --overwrite, in Python overwrite=True.'
DELETE = 'Choose another folder, or delete this one.'
_ITEMS = '.salseg'
# Bytes that are read at once.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileMark:
    """What tells a file from another one of the same name.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change; 0 where it says nothing.
        digest: See `content_digest`; empty where the content was not read.
    """

    size: int
    mtime_ns: int = 0
    digest: str = ''

    @classmethod
    def of(cls, path: PathLike, content: bool = False) -> 'FileMark':
        """Mark of a file; its content is read only on request.

        Raises:
            DataError: It cannot be read.
        """
        try:
            status = os.stat(path)
            digest = _file_digest(Path(path)) if content else ''
        except OSError as error:
            raise DataError(f'{path} cannot be read: {error}.') from error
        return cls(status.st_size, status.st_mtime_ns, digest)


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def content_digest(data: bytes | memoryview) -> str:
    """SHA-256 of a content, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Weights:
    """Weights of a model.

    Attributes:
        fingerprint: See `salseg.ops.fingerprint.weights_fingerprint`.
        source: Where they came from, for messages; empty for random ones.
    """

    fingerprint: str
    source: str = ''

    def __str__(self) -> str:
        return f'{self.fingerprint} ({self.source or "random"})'


@dataclass
class RunRecord:
    """What a folder of results was made with, and what is there.

    Attributes:
        command: That made it, for example 'predict' or 'precompute flow'.
        settings: What decides the results besides weights and inputs, as values that JSON has (tuples become lists).
        weights: Of the model; None where none takes part.
        inputs, outputs: Files by name.
        items: Notes on finished parts (a frame, a pair, a video) by name.
        result: What the run reported.
        state: 'done' when all that was requested is there.
        since: When the record was made, in ns of the file system's clock: results are newer.
        salseg: Version that made the record.
        format: See `FORMAT`.
    """

    command: str
    settings: dict[str, Any] = field(default_factory=dict)
    weights: Weights | None = None
    inputs: dict[str, FileMark] = field(default_factory=dict)
    outputs: dict[str, FileMark] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    state: Literal['running', 'done'] = 'running'
    since: int = 0
    salseg: str = __version__
    format: int = FORMAT

    def __post_init__(self) -> None:
        # As a reader will find it, so that the two can be compared.
        self.settings = json.loads(json.dumps(self.settings))

    def text(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + '\n'

    def identity(self, *names: str) -> str:
        """What decides the results, as 64 hexadecimal digits.

        Args:
            names: Settings that count; all by default.
        """
        counted = {name: self.settings[name] for name in names or sorted(self.settings)}
        weights = None if self.weights is None else self.weights.fingerprint
        return content_digest(json.dumps([self.command, counted, weights], sort_keys=True).encode())


def read_record(folder: PathLike, command: str | None = None) -> RunRecord | None:
    """The record of a folder; None where there is none.

    Args:
        folder: Of results.
        command: That must have made it; any by default.

    Raises:
        DataError: The record is broken, of a newer version, or of another command.
    """
    found = read_fields(Path(folder) / FILE_NAME)
    if found is None:
        return None
    record = _parse(found)
    if command is not None and record.command != command:
        raise DataError(f'{folder} was written by `salseg {record.command}`; expected a folder of `salseg {command}`.')
    return record


def _parse(found: Fields) -> RunRecord:
    form = found.number('format', 1)
    if form != FORMAT:
        raise found.error(f'format is {form}, of salseg {found.values.get("salseg")}; expected {FORMAT}')
    state = found.text('state')
    if state not in ('running', 'done'):
        raise found.error(f"state is {state!r}; expected 'running' or 'done'")
    items = found.fields('items')
    weights = None
    if found.values.get('weights') is not None:
        inner = found.fields('weights')
        weights = Weights(inner.text('fingerprint'), inner.text('source'))
    return RunRecord(
        command=found.text('command'),
        settings=found.mapping('settings'),
        weights=weights,
        inputs=dict(_marks(found.fields('inputs'))),
        outputs=dict(_marks(found.fields('outputs'))),
        items={name: items.mapping(name) for name in items.values},
        result=found.mapping('result'),
        state='done' if state == 'done' else 'running',
        since=found.number('since'),
        salseg=found.text('salseg'),
        format=form,
    )


def _marks(files: Fields) -> Iterator[tuple[str, FileMark]]:
    for name in files.values:
        mark = files.fields(name)
        # A file may be older than the epoch.
        yield name, FileMark(mark.number('size'), mark.number('mtime_ns', -(2**63)), mark.text('digest'))


def write_record(folder: PathLike, record: RunRecord) -> Path:
    """Write a record in one step, in the place of what was there.

    Raises:
        DataError: The folder cannot be written.
    """
    path = Path(folder) / FILE_NAME
    try:
        return write_text(path, record.text())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f'{path} cannot be written: {error}. Free some space or choose another folder.')


def begin(folder: PathLike, wanted: RunRecord, remedy: str, shared: bool = False) -> RunRecord:
    """Begin a run in a folder, which is made, or resume the one that it holds.

    Several processes may begin at once: one of them makes the record, the others find it.

    Args:
        folder: Of the results.
        wanted: What this run would write.
        remedy: What a user can do about the results of another run.
        shared: Whether other processes resume the run too, so that this one leaves an existing record as it is.

    Returns:
        The record that is now there.

    Raises:
        DataError: The folder holds the results of another run, what the differences are; its record is broken; or it
            cannot be written.
    """
    found = read_record(folder)
    if found is not None:
        refuse_another(folder, found, wanted, remedy)
    found = _create(Path(folder) / FILE_NAME, wanted)
    refuse_another(folder, found, wanted, remedy)
    if found.state == 'done' and not shared:
        found.state = 'running'
        write_record(folder, found)
    return found


def _create(path: Path, wanted: RunRecord) -> RunRecord:
    """Write a record unless another process was faster; what stands there then."""
    if not path.exists():
        temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _link_new(temporary, path, wanted)
        except OSError as error:
            raise _unwritable(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    found = read_record(path.parent)
    if found is None:
        raise DataError(f'{path} was removed while the run began. Start it again.')
    return found


def _link_new(temporary: Path, path: Path, wanted: RunRecord) -> None:
    temporary.touch()
    # The file system's own clock, as that of the results; it moves on in steps, and what is written from here on must be
    # newer than what was there.
    wanted.since = temporary.stat().st_mtime_ns
    while temporary.stat().st_mtime_ns <= wanted.since:
        time.sleep(0.001)
        temporary.touch()
    temporary.write_text(wanted.text(), encoding='utf-8')
    # Unlike a rename, a link does not replace the record of a process that was faster.
    with contextlib.suppress(OSError):
        os.link(temporary, path)
    if not path.exists():
        # A file system without links; shards started in the same moment may then do a part twice.
        os.replace(temporary, path)


def refuse_another(folder: PathLike, found: RunRecord, wanted: RunRecord, remedy: str) -> None:
    """Stop a run that would mix its results with those of another one.

    Raises:
        DataError: The records differ; it says in what.
    """
    changed = differences(found, wanted)
    if changed:
        themes = ' and '.join(dict.fromkeys(name.partition('.')[0] for name in changed))
        lines = ''.join(f'\n  {name}: {words}' for name, words in changed.items())
        raise DataError(f'{folder} holds results of another run, with other {themes}:{lines}\n  {remedy}')


def differences(found: RunRecord, wanted: RunRecord) -> dict[str, str]:
    """In what two runs differ that decides results, in words.

    Returns:
        'OLD there, NEW now' by name; settings inside others are named with dots.
    """
    if found.command != wanted.command:
        return {'command': f'salseg {found.command} there, salseg {wanted.command} now'}
    pairs = dict(_unequal('', found.settings, wanted.settings))
    changed = {name: f'{short(old)} there, {short(new)} now' for name, (old, new) in pairs.items()}
    old, new = (record.weights.fingerprint if record.weights else '' for record in (found, wanted))
    if old != new:
        return {'weights': f'{found.weights} there, {wanted.weights} now', **changed}
    return changed


def _unequal(name: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _unequal(f'{name}.{key}' if name else key, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (first, second) in enumerate(zip(old, new)):
            yield from _unequal(f'{name}.{number}', first, second)
    elif old != new:
        yield name.replace('_', ' '), (old, new)


def item_path(folder: PathLike, name: str) -> Path:
    """File of a note on a part that several shards may write at once."""
    return Path(folder) / _ITEMS / f'{name}.json'


def write_item(folder: PathLike, name: str, facts: Mapping[str, Any]) -> Path:
    """Write a note in a file of its own, in one step."""
    return write_text(item_path(folder, name), json.dumps(facts, indent=1) + '\n')


def read_item(folder: PathLike, name: str) -> Fields | None:
    """A note that `write_item` wrote; None where there is none.

    Raises:
        DataError: It is broken.
    """
    return read_fields(item_path(folder, name))
