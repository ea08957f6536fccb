"""Long list files, of which only the lines that are requested become text."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from salseg.errors import DataError


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
        if bytes(content[:3]) == b'\xef\xbb\xbf':
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
