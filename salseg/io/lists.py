"""List files: names of images, groups and videos, one a line."""

import codecs
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, overload

import numpy as np

from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.formats import IMAGE_SUFFIXES

_SUFFIXES = tuple({*IMAGE_SUFFIXES, *LABEL_SUFFIXES})
# A path to an image, blanks included, and what follows it on the line.
_FIRST_PATH = re.compile(rf'(.+?(?:{"|".join(map(re.escape, _SUFFIXES))}))(?:\s+(\S.*))?$', re.IGNORECASE)


def read_list(path: Path) -> list[str]:
    """Names of a list file, one per line, blanks in names included; a suffix that is an image's is cut.

    UTF-8 with or without byte order mark, UTF-16 with one, and the line ends of all systems are read.

    Raises:
        DataError: The file is missing, empty, or no such text.
    """
    names = [without_suffix(line) for line in read_lines(path)]
    if not names:
        raise DataError(f'the list {path} is empty; expected one name per line.')
    return names


def read_names(path: Path, known: Collection[str] = ()) -> list[str]:
    """Videos, groups or images of a list file, each once.

    A line is a name; or, as in DAVIS' lists of pairs, paths of a frame and its annotation, whose folder is the video; a
    star in front, as SegTrack has it, is no part of the name.

    Args:
        path: The list.
        known: Names that exist. Of a line that is none of them the first word is taken if that is one, as some lists have
            further columns. A name with blanks in it is never cut otherwise.

    Raises:
        DataError: The file is missing, empty, or no such text.
    """
    lines = read_lines(path)
    if not lines:
        raise DataError(f'the list {path} is empty; expected one name per line.')
    return list(dict.fromkeys(_named(line, known) for line in lines))


def read_lines(path: Path) -> list[str]:
    """Lines that are not blank, without blanks at their ends.

    Raises:
        DataError: The file is missing or no text in UTF-8 or UTF-16.
    """
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode('utf-16' if wide else 'utf-8-sig')
    except (OSError, UnicodeError) as error:
        raise DataError(f'the list {path} cannot be read: {error}. Save it as text in UTF-8.') from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def without_suffix(name: str) -> str:
    """A name without its suffix, where that is an image's or annotation's."""
    return name[: name.rindex('.')] if name.lower().endswith(_SUFFIXES) else name


def _named(line: str, known: Collection[str]) -> str:
    name = line.lstrip('*').strip()
    if not name.strip('/'):
        raise DataError(f'a line of the list is {line!r}, which names nothing.')
    if name in known:
        return name
    path = _FIRST_PATH.match(name)
    if path and '/' in path[1] and (path[2] or name.startswith('/')):
        return PurePosixPath(path[1]).parent.name
    word = name.split()[0]
    return word if word in known else name.rstrip('/')


class LazyList(Sequence[str]):
    """Lines of a text file in UTF-8, without the empty ones.

    The file is mapped, not read: a million lines cost 16 bytes each and a fraction of a second. A copy in another process
    maps the file anew.

    Args:
        path: The file. It must not change while the list is in use.

    Raises:
        DataError: The file is missing or holds no line.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.size = self.path.stat().st_size
            content = self._mapped() if self.size else np.empty(0, np.uint8)
        except OSError as error:
            raise DataError(f'the list {path} cannot be read: {error}.') from error
        breaks = np.flatnonzero(content == ord('\n'))
        starts = np.concatenate([[0], breaks + 1])
        ends = np.concatenate([breaks, [self.size]])
        # A byte order mark and carriage returns are cut here, so that lines compare as they look.
        if bytes(content[:3]) == codecs.BOM_UTF8:
            starts[0] = 3
        filled = ends > starts
        returns = np.zeros(len(ends), bool)
        returns[filled] = content[ends[filled] - 1] == ord('\r')
        ends = ends - returns
        kept = ends > starts
        self.starts, self.ends = starts[kept], ends[kept]
        if not len(self.starts):
            raise DataError(f'the list {path} is empty; expected a line per item.')
        self._content: np.ndarray | None = content

    def _mapped(self) -> np.ndarray:
        return np.memmap(self.path, np.uint8, 'r')

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if self._content is None:
            self._content = self._mapped()
        line = bytes(self._content[self.starts[index] : self.ends[index]])
        try:
            return line.decode('utf-8')
        except UnicodeDecodeError as error:
            raise DataError(f'{self.path}: line {index + 1} is no UTF-8 text: {line[:40]!r}.') from error

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_content': None}
