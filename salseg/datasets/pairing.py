"""Find images and masks that belong together: by stem, whatever the suffix."""

from collections.abc import Sequence
from pathlib import Path

from salseg.datasets.reading import IMAGE_SUFFIXES
from salseg.errors import DataError, missing_folder

# <SET> stands for the name of the data set's folder.
IMAGE_FOLDERS = ('image', 'images', 'imgs', 'img', 'JPEGImages', '<SET>-Image')
MASK_FOLDERS = ('mask', 'masks', 'gt', 'gts', 'GroundTruth', 'ground_truth_mask', 'binary', 'Annotations', '<SET>-Mask')
# What file managers and archives leave in folders of images.
STRAY = {'thumbs.db', 'desktop.ini', '__macosx'}


def by_stem(folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> dict[str, Path]:
    """Files of a folder by stem, sorted by stem.

    The stem ends at the last dot. Where a stem has several files, the suffix that stands first in ``suffixes`` wins.

    Raises:
        DataError: The folder does not exist.
    """
    if not folder.is_dir():
        raise missing_folder(folder)
    order = {suffix: rank for rank, suffix in enumerate(suffixes)}
    best: dict[str, Path] = {}
    for path in folder.iterdir():
        rank = order.get(path.suffix.lower())
        if rank is None or path.name.startswith('.') or path.name.lower() in STRAY:
            continue
        old = best.get(path.stem)
        if old is None or rank < order[old.suffix.lower()]:
            best[path.stem] = path
    return dict(sorted(best.items()))


def check_root(root: Path) -> None:
    """Refuse a data root that is not there.

    Raises:
        DataError: It is no folder.
    """
    if not root.is_dir():
        raise DataError(f'the data root {root} does not exist. Set data_root, or give the path with --cfg-options.')


def find_folder(root: Path, given: str | None, aliases: Sequence[str], what: str) -> Path:
    """The sub-folder that was named, or the first alias that exists, upper and lower case alike.

    Raises:
        DataError: None does; the message lists what was looked for and what is there.
    """
    check_root(root)
    if given is not None:
        return root / given
    there = {p.name.lower(): p for p in sorted(root.iterdir()) if p.is_dir()}
    names = [alias.replace('<SET>', root.name) for alias in aliases]
    for name in names:
        if name.lower() in there:
            return there[name.lower()]
    raise DataError(
        f'{root} has no folder for the {what}s: looked for {", ".join(names)}; found '
        f'{", ".join(sorted(p.name for p in there.values())) or "no folder"}. Name it: {what}_folder=...'
    )


def read_list(path: Path) -> list[str]:
    """Stems of a list file, one per line; a suffix that is an image's is cut.

    Raises:
        DataError: The file is missing or empty.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'the list {path} cannot be read: {error}.') from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise DataError(f'the list {path} is empty; expected one image name per line.')
    return [n[: n.rindex('.')] if n.lower().endswith(IMAGE_SUFFIXES) else n for n in names]
