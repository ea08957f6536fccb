"""Where published weights lie on this machine, and what is known of each file."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from salseg.errors import ConfigError, DataError, WeightsError
from salseg.io.fields import read_fields
from salseg.io.files import PathLike, make_folder, write_text

# Counts up when a field changes its meaning.
FORMAT = 1
_BLOCK = 1 << 20


@dataclass
class WeightsFacts:
    """What is known of published weights that were fetched, ``<cache>/weights/<name>.json``.

    It stays when the weights are removed, so that another file under the same name is noticed.

    Attributes:
        name: For example 'xmem@official'.
        source: Address, or name of the file that was imported.
        sha256: Of the authors' file as it was fetched.
        size: Its bytes.
        licence: As the model's card says.
        options: Of the model, which the file needs: values by dotted key of a config.
        date: When it was fetched, UTC.
        stored_sha256: Of the converted file that lies beside this.
    """

    name: str
    source: str
    sha256: str
    size: int
    licence: str
    date: str
    stored_sha256: str
    options: dict[str, Any] = field(default_factory=dict)


def weights_folder() -> Path:
    """``weights`` in the folder that ``SALSEG_CACHE`` names, ``~/.cache/salseg`` by default; it need not exist."""
    given = os.environ.get('SALSEG_CACHE')
    return (Path(given).expanduser() if given else Path.home() / '.cache' / 'salseg') / 'weights'


def weights_path(name: str) -> Path:
    """File of published weights in the cache; it need not exist."""
    return weights_folder() / f'{name}.pth'


def part_path(name: str) -> Path:
    """File that a transfer fills."""
    return weights_folder() / f'{name}.part'


def _facts_path(name: str) -> Path:
    return weights_folder() / f'{name}.json'


def read_facts(name: str) -> WeightsFacts | None:
    """What was recorded of published weights; None if they were never fetched here.

    Raises:
        WeightsError: The record is damaged.
    """
    path = _facts_path(name)
    try:
        found = read_fields(path)
        if found is None:
            return None
        found.number('format', FORMAT, FORMAT)
        texts = {key: found.text(key) for key in ('source', 'sha256', 'licence', 'date', 'stored_sha256')}
        options = found.mapping('options')
        return WeightsFacts(name=name, size=found.number('size'), options=options, **texts)
    except DataError as error:
        reason = str(error).partition(': ')[2].partition('. It was')[0]
        raise WeightsError(
            f'{path}, the record of {name}, is damaged: {reason}. Delete it, and get or import the weights again.'
        ) from None


def write_facts(facts: WeightsFacts) -> None:
    """Record what is known, in one step."""
    write_text(_facts_path(facts.name), json.dumps({'format': FORMAT, **asdict(facts)}, indent=1) + '\n')


def forget_facts(name: str) -> None:
    """Delete the record, and with it the hash that later files are compared with."""
    _facts_path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the only right to change the files of a name; another process waits. A killed process holds nothing.

    Raises:
        WeightsError: The cache folder cannot be made or written.
    """
    try:
        folder = make_folder(weights_folder())
        with FileLock(folder / f'.{name}.lock'):
            yield
    except ConfigError as error:
        raise WeightsError(f'{error} It is the cache of weights; SALSEG_CACHE names another one.') from None
    except PermissionError as error:
        raise WeightsError(
            f'the cache of weights {weights_folder()} cannot be written: {error}. SALSEG_CACHE names another folder.'
        ) from error


def sha256_of(path: PathLike) -> str:
    """SHA-256 of a file of any size, 64 hexadecimal digits.

    Raises:
        WeightsError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, 'rb') as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise WeightsError(f'{path} cannot be read: {error}.') from error
    return digest.hexdigest()
