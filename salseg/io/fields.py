"""Values of JSON files that anybody may have changed: checked as they are taken, with errors that name file and place."""

import json
from pathlib import Path
from typing import Any

from salseg.errors import DataError
from salseg.io.files import PathLike

_SHOWN = 160


class Fields:
    """Values of a JSON object that anybody may have changed, checked as they are taken.

    Args:
        values: What was read.
        path: Of the file.
        place: Within it.

    Raises:
        DataError: From every method: the value is missing, of another type or out of its range.
    """

    def __init__(self, values: object, path: PathLike, place: str = '') -> None:
        self.path, self.place = path, place
        if not isinstance(values, dict):
            raise self.error(f'it holds {short(values)}; expected an object')
        self.values: dict[str, Any] = values

    def error(self, what: str) -> DataError:
        """The error about a value."""
        return DataError(
            f'{self.path} is no record of salseg: {self.place}{what}. It was damaged or written by something else: choose '
            'another folder, or delete it with the results beside it (predict and track: --overwrite).'
        )

    def _take(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        if key not in self.values:
            raise self.error(f'{key} is missing')
        value = self.values[key]
        # True is an int to Python.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.error(f'{key} is {short(value)}; expected {expected}')
        return value

    def text(self, key: str) -> str:
        """A string."""
        return str(self._take(key, str, 'a string'))

    def number(self, key: str, low: int = 0, high: int | None = None) -> int:
        """A whole number, ``low`` to ``high`` (without end by default)."""
        expected = f'a whole number, at least {low}' if high is None else f'a whole number, {low} to {high}'
        value = int(self._take(key, int, expected))
        if value < low or (high is not None and value > high):
            raise self.error(f'{key} is {value}; expected {expected}')
        return value

    def texts(self, key: str) -> list[str]:
        """A list of strings."""
        value = self._take(key, list, 'a list of strings')
        if not all(isinstance(entry, str) for entry in value):
            raise self.error(f'{key} is {short(value)}; expected a list of strings')
        return list(value)

    def numbers(self, key: str, low: int = 0) -> list[int]:
        """A list of whole numbers, each at least ``low``."""
        value = self._take(key, list, 'a list of whole numbers')
        if not all(isinstance(entry, int) and not isinstance(entry, bool) and entry >= low for entry in value):
            raise self.error(f'{key} is {short(value)}; expected whole numbers, at least {low}')
        return list(value)

    def optional_text(self, key: str) -> str | None:
        """A string or null."""
        return None if self.values.get(key, '') is None else self.text(key)

    def mapping(self, key: str) -> dict[str, Any]:
        """An object."""
        return dict(self._take(key, dict, 'an object'))

    def text_mapping(self, key: str) -> dict[str, str]:
        """An object of strings."""
        inner = self.fields(key)
        return {name: inner.text(name) for name in inner.values}

    def fields(self, key: str) -> 'Fields':
        """An object whose values are checked likewise."""
        return Fields(self.mapping(key), self.path, f'{self.place}{key}: ')


def read_fields(path: Path) -> Fields | None:
    """What a JSON file holds; None if there is no file.

    Raises:
        DataError: It cannot be read, or holds no object.
    """
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise DataError(f'{path.parent} is a file; expected a folder of results. Choose another one.') from error
    except (OSError, ValueError, RecursionError) as error:
        raise Fields({}, path).error(f'it cannot be read ({error})') from error
    return Fields(values, path)


def short(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
