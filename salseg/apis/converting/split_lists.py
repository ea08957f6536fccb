"""Lists of a set's splits, from the files in which authors passed them on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.apis.converting.files import Summary
from salseg.apis.converting.pairing import named
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.listing import walk_files
from salseg.io.lists import read_lines, without_suffix

SPLITS = ('train', 'val', 'test')


def find_lists(source: Path, given: Sequence[Path], known: Collection[str], summary: Summary) -> dict[str, list[str]]:
    """Keys of each split, from text files of stems or MATLAB files of names, called after it as ``train_id.txt``.

    Args:
        source: Searched where none is given.
        given: Files that the user names.
        known: Keys of the set's images. Files in the source that name none of them are no lists.
        summary: Told of names without image.

    Raises:
        DataError: A given file is called after no split, cannot be read, or names no image of the set.
    """
    found: dict[str, list[str]] = {}
    for path in given or [source / name for name in walk_files(source, ('.txt', '.mat'))]:
        split = next((split for split in SPLITS if split in path.stem.lower()), None)
        if split is None and given:
            raise DataError(f'--lists {path}: called after none of {", ".join(SPLITS)}, which says what it lists.')
        if split is None or split in found:
            continue
        names = _names(path) if given else _names_or_none(path)
        keys = [name for name in names if name in known]
        if not keys and given:
            raise DataError(f'--lists {path}: none of its {len(names)} names is an image, {named(names)}.')
        if keys:
            found[split] = list(dict.fromkeys(keys))
            for name in names:
                if name not in known:
                    summary.warn(f'names of {path.name} without image', name)
    return found


def write_lists(summary: Summary, splits: Mapping[str, Sequence[str]], keys: Sequence[str], published: str) -> None:
    """Write ``train.txt``, ``val.txt`` and ``test.txt``, of what was converted.

    Without any list ``train.txt`` names all pairs, so that a training on the set finds what there is, and the summary says
    so.

    Args:
        summary: Of the conversion.
        splits: From `find_lists`.
        keys: Pairs that were converted.
        published: Sizes of the splits, for the summary.
    """
    if not splits:
        summary.note(
            'no list of the splits was found',
            f'train.txt names all {len(keys)} pairs; for the published {published} give the lists: --lists FILE ...',
        )
        splits = dict(train=keys)
    there = set(keys)
    for split in SPLITS:
        path = summary.out / f'{split}.txt'
        if split in splits:
            write_text(path, ''.join(f'{key}\n' for key in splits[split] if key in there))
        else:
            # From an earlier conversion, with other lists.
            path.unlink(missing_ok=True)


def _names_or_none(path: Path) -> list[str]:
    """Names of a file that may be no list at all, as a readme."""
    try:
        return _names(path)
    except DataError:
        return []


def _names(path: Path) -> list[str]:
    """Names in a file, without suffixes; in a text file blanks or line ends are between them."""
    if path.suffix.lower() != '.mat':
        return [without_suffix(word) for line in read_lines(path) for word in line.split()]
    from scipy.io import loadmat

    try:
        content = loadmat(str(path))
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        raise DataError(f'{path} is no MATLAB file that can be read: {error}. Give text files: --lists.') from error
    return [without_suffix(text) for name, value in content.items() if name[0] != '_' for text in _texts(value)]


def _texts(value: Any) -> Iterator[str]:
    """Texts in cells of cells."""
    if isinstance(value, str):
        yield value.strip()
    elif hasattr(value, 'tolist') and getattr(value, 'dtype', None) is not None and value.dtype.kind in 'OU':
        for member in value.ravel().tolist():
            yield from _texts(member)
