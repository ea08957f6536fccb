"""Which files a folder holds, in which order, and which belong together."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from salseg.errors import DataError, missing_folder
from salseg.io.files import PathLike
from salseg.io.formats import IMAGE_SUFFIXES

# <SET> stands for the name of the data set's folder.
IMAGE_FOLDERS = ('image', 'images', 'imgs', 'img', 'JPEGImages', '<SET>-Image')
MASK_FOLDERS = ('mask', 'masks', 'gt', 'gts', 'GroundTruth', 'ground_truth_mask', 'binary', 'Annotations', '<SET>-Mask')
SCRIBBLE_FOLDERS = ('scribble', 'scribbles')
# What file managers, archives, disk stations and systems leave among images. Names with a point in front come on top:
# .DS_Store, ._x, .thumbnails, .ipynb_checkpoints.
STRAY = {
    'thumbs.db',
    'ehthumbs.db',
    'desktop.ini',
    '__macosx',
    '@eadir',
    '#recycle',
    '$recycle.bin',
    'system volume information',
    'lost+found',
}
Key = tuple[tuple[tuple[int, int, str], ...], str]


def natural_key(name: str) -> Key:
    """Sorting key of the one order of frames, videos, groups and images: numbers in names count as numbers.

    It depends on the name alone, so that two parts of a set are never ordered in two ways. Names that differ in leading
    zeros only are told apart by their text.
    """
    parts = re.split(r'(\d+)', name)
    numbered = ((0, int(part), '') if place % 2 else (1, 0, part) for place, part in enumerate(parts) if part)
    return tuple(numbered), name


def natural_path_key(name: str) -> tuple[Key, ...]:
    """As :func:`natural_key` for relative paths: folder by folder."""
    return tuple(natural_key(part) for part in name.split('/'))


def in_order(names: Iterable[str]) -> list[str]:
    """Names or relative paths in natural order."""
    return sorted(names, key=natural_path_key)


def is_stray(path: PathLike) -> bool:
    """Whether a file or folder is none of the user's, by its name: hidden, a thumbnail, a note of a file manager."""
    name = os.path.basename(os.fspath(path))
    return name.startswith('.') or name.lower() in STRAY


def walk_files(root: Path, suffixes: Collection[str]) -> Iterator[str]:
    """Relative paths, with '/', of the files of some suffixes below a folder, stray ones and stray folders left out.

    Links to folders are followed, and one that leads back to a folder above itself is not, so that no file comes twice
    from a loop.
    """
    yield from _walk(root, '', frozenset(suffixes), (_identity(root),))


def _walk(folder: Path, below: str, suffixes: frozenset[str], above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    folders = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: natural_key(entry.name)):
            if is_stray(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in suffixes:
                yield below + entry.name
    for name in folders:
        own = _identity(folder / name)
        if own not in above:
            yield from _walk(folder / name, f'{below}{name}/', suffixes, (*above, own))


def _identity(folder: Path) -> tuple[int, int]:
    facts = os.stat(folder)
    return facts.st_dev, facts.st_ino


def folders_in(folder: Path) -> list[Path]:
    """Sub-folders in natural order, without stray ones.

    Raises:
        DataError: The folder does not exist.
    """
    if not folder.is_dir():
        raise missing_folder(folder)
    return sorted((p for p in folder.iterdir() if p.is_dir() and not is_stray(p)), key=lambda p: natural_key(p.name))


def by_stem(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Files of a folder by stem, in natural order.

    The stem ends at the last dot. Where a stem has several files, the suffix that stands first in ``suffixes`` wins.

    Raises:
        DataError: The folder does not exist.
    """
    return one_per_stem(folder, suffixes)[0]


def one_per_stem(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> tuple[dict[str, Path], list[Path]]:
    """As :func:`by_stem`, and the files that another one of the same stem displaces.

    Raises:
        DataError: The folder does not exist.
    """
    if not folder.is_dir():
        raise missing_folder(folder)
    return _one_per_stem(folder, _inside(folder, suffixes)[0], suffixes)


def _inside(folder: Path, suffixes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the files of some suffixes, and of the sub-folders, stray ones left out."""
    wanted, files, folders = frozenset(suffixes), [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_stray(entry.name):
                continue
            # Asks the disk for links only.
            if entry.is_dir():
                folders.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in wanted:
                files.append(entry.name)
    return files, folders


def _one_per_stem(folder: Path, names: Sequence[str], suffixes: Sequence[str]) -> tuple[dict[str, Path], list[Path]]:
    rank = {suffix: place for place, suffix in enumerate(suffixes)}
    best: dict[str, tuple[int, str]] = {}
    displaced = []
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)
        own = rank[suffix.lower()], name
        other = best.setdefault(stem, own)
        if other is own:
            continue
        # Of two files with the same rank the first stays.
        best[stem] = other if other[0] <= own[0] else own
        displaced.append(folder / (own if best[stem] is other else other)[1])
    return {stem: folder / best[stem][1] for stem in sorted(best, key=natural_key)}, displaced


def by_key(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Files of a folder and its sub-folders by their path without suffix, 'class/stem' in a folder of a class.

    In natural order; where a key has several files, see :func:`by_stem`.

    Raises:
        DataError: The folder does not exist.
    """
    if not folder.is_dir():
        raise missing_folder(folder)
    return _by_key(folder, suffixes, ())


def _by_key(folder: Path, suffixes: Sequence[str], above: tuple[tuple[int, int], ...]) -> dict[str, Path]:
    files, folders = _inside(folder, suffixes)
    found = _one_per_stem(folder, files, suffixes)[0]
    above = (*above, _identity(folder))
    for name in sorted(folders, key=natural_key):
        # A link may lead back.
        if _identity(folder / name) in above:
            continue
        for key, path in _by_key(folder / name, suffixes, above).items():
            found[f'{name}/{key}'] = path
    return found


def check_root(root: Path) -> None:
    """Refuse a data root that is not there.

    Raises:
        DataError: It is no folder.
    """
    if not root.is_dir():
        raise DataError(f'the data root {root} does not exist. Set data_root, or give the path with --cfg-options.')


def find_alias(root: Path, aliases: Sequence[str]) -> str | None:
    """The first of some names, upper and lower case alike, that is a sub-folder; as it is written there."""
    there = {path.name.lower(): path.name for path in folders_in(root)}
    names = [alias.replace('<SET>', root.name).lower() for alias in aliases]
    return next((there[name] for name in names if name in there), None)


def find_folder(root: Path, given: str | None, aliases: Sequence[str], what: str) -> Path:
    """The sub-folder that was named, or the first alias that exists, upper and lower case alike.

    Raises:
        DataError: None does; the message lists what was looked for and what is there.
    """
    check_root(root)
    if given is not None:
        return root / given
    found = find_alias(root, aliases)
    if found is not None:
        return root / found
    names = [alias.replace('<SET>', root.name) for alias in aliases]
    raise DataError(
        f'{root} has no folder for the {what}s: looked for {", ".join(names)}; found '
        f'{", ".join(path.name for path in folders_in(root)) or "no folder"}. Name it: {what}_folder=...'
    )


@dataclass(frozen=True)
class Gap:
    """Numbers that a numbering leaves out.

    Attributes:
        before, after: Names on both sides.
        count: Names that are missing.
        first: Up to five of them.
        step: From one name to the next, elsewhere.
    """

    before: str
    after: str
    count: int
    first: tuple[str, ...]
    step: int = 1


def missing_numbers(names: Sequence[str]) -> list[Gap]:
    """Gaps in a numbering, of names in natural order.

    The step is the commonest one, the smallest of those where several are. There is no numbering where names do not all
    begin and end alike around their last number, or fewer than half of the steps are alike, as with times.
    """
    found = [re.fullmatch(r'(.*?)(\d+)(\D*)', name, re.DOTALL) for name in names]
    parts = [part for part in found if part is not None]
    if len(parts) < 3 or len(parts) < len(found) or len({(part.group(1), part.group(3)) for part in parts}) > 1:
        return []
    numbers = [int(part.group(2)) for part in parts]
    steps = Counter(b - a for a, b in pairwise(numbers))
    step = min(steps, key=lambda size: (-steps[size], size))
    if step < 1 or 2 * steps[step] < len(numbers) - 1:
        return []
    before, width, behind = parts[0].group(1), len(parts[0].group(2)), parts[0].group(3)
    gaps = []
    for place, (number, following) in enumerate(pairwise(numbers)):
        lost = range(number + step, following, step)
        if lost:
            first = tuple(f'{before}{value:0{width}d}{behind}' for value in lost[:5])
            gaps.append(Gap(names[place], names[place + 1], len(lost), first, step))
    return gaps
