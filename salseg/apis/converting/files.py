"""Write converted files: each in one step, so that a stopped conversion resumes where it was."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from salseg.errors import DataError, missing_folder
from salseg.io.files import replacing
from salseg.io.images import write_png
from salseg.visualization import write_label_png

HOW = ('copy', 'hardlink', 'symlink')
Progress = Callable[[int, int], None] | None


@dataclass
class Summary:
    """What a conversion did.

    Attributes:
        out: Folder that was written.
        counts: Files by kind.
        notes: What a user should know, by kind; the first places are shown.
    """

    out: Path
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def count(self, kind: str, number: int = 1) -> None:
        """Count files of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    def note(self, kind: str, where: str) -> None:
        """Remember a place."""
        self.notes.setdefault(kind, []).append(where)

    def text(self, shown: int = 10) -> str:
        """For a terminal."""
        done = ', '.join(f'{number} {kind}' for kind, number in self.counts.items())
        lines = [f'{self.out}: {done or "nothing"}']
        for kind, places in self.notes.items():
            lines.append(f'{kind}, {len(places)}{f", the first {shown}" if len(places) > shown else ""}:')
            lines += [f'  {place}' for place in places[:shown]]
        if not self.out.suffix:
            lines.append(f'check it: salseg check-data {self.out}')
        return '\n'.join(lines)


def separate(source: Path, out: Path) -> None:
    """Refuse to write into the source.

    Raises:
        DataError: The source does not exist, or one folder is in the other.
    """
    if not source.is_dir():
        raise missing_folder(source)
    a, b = source.resolve(), out.resolve()
    if a == b or a in b.parents or b in a.parents:
        raise DataError(
            f'{out} and the source {source} lie in each other; sources are never written to. Choose another.'
        )


def take(source: Path, target: Path, how: str = 'copy') -> None:
    """Copy or link a file; one that is there already stays.

    Raises:
        DataError: ``how`` is unknown or the system cannot link there.
    """
    if how not in HOW:
        raise DataError(f'--how {how!r}; expected one of {", ".join(HOW)}.')
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if how == 'symlink':
            target.symlink_to(source.resolve())
        elif how == 'hardlink':
            os.link(source, target)
        else:
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
    except OSError as error:
        raise DataError(f'{target} cannot be made from {source} ({how}): {error}. Try --how copy.') from error


def write_grey(target: Path, make: Callable[[], np.ndarray]) -> None:
    """Write a grey PNG unless it is there already."""
    if not target.exists():
        write_png(target, make())


def write_ids(target: Path, make: Callable[[], np.ndarray]) -> None:
    """Write a palette PNG unless it is there already."""
    if not target.exists():
        write_label_png(target, make())


def with_progress(items: Sequence, progress: Progress) -> Iterator:
    """Items one by one; ``progress`` is told how many are done."""
    for done, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(done, len(items))
