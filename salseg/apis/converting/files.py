"""What all converters share: files written in one step, names that stay below the target, the summary.

A stopped conversion resumes where it was: what is there already stays.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from salseg.errors import DataError, missing_folder
from salseg.io.files import remove_leftovers, replacing
from salseg.io.images import write_png
from salseg.io.listing import folders_in
from salseg.visualization.palette import write_label_png

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EROFS, errno.EACCES)
HOW = ('copy', 'hardlink', 'symlink')
Progress = Callable[[int, int], None] | None
Key = TypeVar('Key')
# Bytes of a name; file systems take 255, and a suffix and the mark of a temporary file come on top.
_LONGEST = 200


@dataclass
class Summary:
    """What a conversion did.

    Attributes:
        out: Folder or file that was written.
        counts: Files by kind.
        notes: What a user should know, by kind, each with the places.
        left: What was in the source and is not in the result, although a user may expect it there, likewise.
        warnings: What the release should hold and the source does not, likewise.
    """

    out: Path
    counts: dict[str, int] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)

    def count(self, kind: str, number: int = 1) -> None:
        """Count files of a kind."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    def note(self, kind: str, where: str) -> None:
        """Remember a place."""
        self.notes.setdefault(kind, []).append(where)

    def leave_out(self, kind: str, where: str) -> None:
        """Remember what was left out, and why."""
        self.left.setdefault(kind, []).append(where)

    def warn(self, kind: str, where: str) -> None:
        """Remember what a complete copy of the release would not lack."""
        self.warnings.setdefault(kind, []).append(where)

    def text(self, published: Mapping[str, tuple[int, ...]] | None = None, shown: int = 5) -> str:
        """A table of the counts, beside those of the release, and below it what a user should know.

        Args:
            published: By kind, the counts of the release or of its versions and splits.
            shown: Places of each note.
        """
        from terminaltables import AsciiTable

        published = published or {}
        names = {kind: ' or '.join(f'{number:,}' for number in numbers) for kind, numbers in published.items()}
        rows = [[kind, f'{number:,}', names.get(kind, '')] for kind, number in self.counts.items()]
        head = ['written', 'number', 'published']
        width = 3 if published else 2
        lines = [AsciiTable([row[:width] for row in (head, *rows)], f' {self.out} ').table]
        for kind, numbers in published.items():
            found = self.counts.get(kind, 0)
            if found not in numbers:
                lines.append(f'warning: {found:,} {kind}, published {names[kind]}; is the copy complete?')
        told = [
            *((f'warning: {kind}', places) for kind, places in self.warnings.items()),
            *self.notes.items(),
            *((f'left out: {kind}', places) for kind, places in self.left.items()),
        ]
        for kind, places in told:
            lines.append(f'{kind}, {len(places)}{f", the first {shown}" if len(places) > shown else ""}:')
            lines += [f'  {place}' for place in places[:shown]]
        if self.out.is_dir():
            lines.append(f'check it: salseg check-data {self.out}')
        return '\n'.join(lines)


def safe_name(name: str) -> str:
    """A name that comes from a file's content, as one part of a path: it leads nowhere else.

    Slashes and control characters become '_', dots in front go. Names of ordinary files stay as they are.

    Raises:
        DataError: Nothing is left of it, or it is too long for a file.
    """
    safe = re.sub(r'[\\/\x00-\x1f\x7f]', '_', name).lstrip('.')
    if not safe.strip(' ._') or len(safe.encode('utf-8', 'surrogateescape')) > _LONGEST:
        raise DataError(f'{name[:80]!r} makes no name of a file or folder; rename it.')
    return safe


def safe_names(names: Mapping[Key, str]) -> dict[Key, str]:
    """Safe names that stay different: where two become the same, a number follows the later ones.

    Upper and lower case are the same to some file systems.
    """
    taken: set[str] = set()
    safe = {}
    for key, name in names.items():
        own = plain = safe_name(name)
        number = 2
        while own.casefold() in taken:
            own, number = f'{plain}-{number}', number + 1
        taken.add(own.casefold())
        safe[key] = own
    return safe


def check_names(names: Sequence[str], where: Path) -> None:
    """Refuse names of a list that are none of a folder.

    Raises:
        DataError: One of them leads somewhere else, as '../x' does.
    """
    for name in names:
        if safe_name(name) != name:
            raise DataError(f'{where}: {name!r} is no name of a folder in the source.')


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


def unwrapped(source: Path, marks: Collection[str]) -> Path:
    """The folder that holds one of some sub-folders: the source, or the only folder in it.

    Archives are unpacked with or without a folder around their content.

    Args:
        source: As the user gave it.
        marks: Names of sub-folders, upper and lower case alike.

    Raises:
        DataError: The source does not exist, or neither holds one of them.
    """
    if not source.is_dir():
        raise missing_folder(source)
    wanted = {mark.lower() for mark in marks}
    inside = folders_in(source)
    for folder in (source, *(inside if len(inside) == 1 else ())):
        if wanted & {path.name.lower() for path in folders_in(folder)}:
            return folder
    raise DataError(
        f'{source} holds none of {", ".join(marks)}; found {", ".join(p.name for p in inside[:8]) or "no folder"}. '
        'Give the folder that the archive unpacks to.'
    )


def take(source: Path, target: Path, how: str = 'copy') -> None:
    """Copy or link a file; one that is there already stays, but a link that leads nowhere is made again.

    Raises:
        DataError: ``how`` is unknown or the system cannot link there.
    """
    if how not in HOW:
        raise DataError(f'how={how!r}; expected one of {", ".join(HOW)}.')
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.unlink(missing_ok=True)
        if how == 'symlink':
            target.symlink_to(source.resolve())
        elif how == 'hardlink':
            os.link(source, target)
        else:
            with replacing(target) as temporary:
                shutil.copyfile(source, temporary)
    except OSError as error:
        # What has nothing to do with links is said once, for all that is written.
        if how == 'copy' or error.errno in (*_FULL, *_FORBIDDEN):
            raise
        raise DataError(f'{target} cannot be made from {source} ({how}): {error}. Try --copy.') from error


def unwritten(source: Path, out: Path, error: OSError) -> DataError:
    """The error of a conversion that the system stopped: no space, no permission, or something else."""
    stopped = 'What was written is complete; the same command resumes.'
    if error.errno in _FULL:
        return DataError(
            f'no space is left where {out} is written. Free some, or write elsewhere with --root or --out. {stopped}'
        )
    told = str(error.filename2 or error.filename or '')
    if error.errno in _FORBIDDEN and not told.startswith(str(source)):
        return DataError(
            f'{out} cannot be written: {error.strerror or error}{f" ({told})" if told else ""}. Write elsewhere with '
            f'--root or --out. {stopped}'
        )
    return DataError(f'{out} cannot be made from {source}: {error}.')


def write_grey(target: Path, make: Callable[..., np.ndarray], *arguments: Any) -> None:
    """Write what ``make(*arguments)`` returns as a grey PNG; where one is there already, nothing is made."""
    if not target.exists():
        write_png(target, make(*arguments))


def write_ids(target: Path, make: Callable[..., np.ndarray], *arguments: Any) -> None:
    """Likewise, as a palette PNG."""
    if not target.exists():
        write_label_png(target, make(*arguments))


def remove_all_leftovers(out: Path) -> None:
    """Remove what a killed conversion left half written."""
    for folder, _, _ in os.walk(out):
        remove_leftovers(folder)


Item = TypeVar('Item')


def with_progress(items: Sequence[Item], progress: Progress) -> Iterator[Item]:
    """Items one by one; ``progress`` is told how many are done."""
    for done, item in enumerate(items, 1):
        yield item
        if progress is not None:
            progress(done, len(items))
