"""Image sets as ``image/<key>`` and ``mask/<key>.png``: files that stay as they are are linked, splits become lists."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.apis.converting.forms import Form, Found, Tree, chosen_forms, find_pairs, read_tree, say_guesses
from salseg.apis.converting.pairing import pair
from salseg.apis.converting.split_lists import find_lists, write_lists
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.values import read_values


def convert_pairs(
    source: Path,
    out: Path,
    forms: Sequence[Form],
    unlabelled: Collection[str] | None = (),
    split: str = '',
    images: str | None = None,
    masks: str | None = None,
    lists: Sequence[Path] = (),
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """A set whose images and masks only need to lie where configs look.

    Args:
        source: The release as it was unpacked.
        out: Folder to write.
        forms: How the set is passed on, the release's own form first.
        unlabelled: Keys of images without mask in the release itself; None if it does not say which.
        split: Published sizes of train, validation and test; then lists are written, see
            :func:`~salseg.apis.converting.split_lists.write_lists`.
        images, masks: Patterns of folders that the user names, see :class:`~salseg.apis.converting.forms.Form`.
        lists: Files of the splits.
        partial: Take what is there however many masks are missing.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many pairs are done.

    Raises:
        DataError: Nothing is found, or more than half of the masks are missing.
    """
    separate(source, out)
    tree = read_tree(source)
    found = find_pairs(tree, chosen_forms(forms, images, masks))
    summary = Summary(out)
    say_guesses(tree, found, summary)
    keys = pair(found.images, found.masks, source, summary, partial=partial, unlabelled=unlabelled)
    splits = find_lists(source, lists, found.images, summary) if split else {}
    put_pairs(found, keys, out, how, progress)
    summary.count('pairs', len(keys))
    if split:
        write_lists(summary, splits, keys, split)
    return summary


def convert_parts(
    source: Path, out: Path, tree: Tree, parts: Mapping[str, Found], partial: bool, how: str, progress: Progress
) -> Summary:
    """The parts of a set into one folder, each with its list.

    Args:
        source: For messages.
        out: Folder to write.
        tree: Of the source.
        parts: What was found of each.
        partial, how, progress: See `convert_pairs`.
    """
    summary = Summary(out)
    lists = pair_parts(source, tree, parts, summary, partial)
    for part, keys in lists.items():
        put_pairs(parts[part], keys, out, how, progress)
        summary.count(f'{part} images', len(keys))
    for part, keys in lists.items():
        write_text(out / f'{part}.txt', ''.join(f'{key}\n' for key in keys))
    return summary


def put_pairs(found: Found, keys: Sequence[str], out: Path, how: str, progress: Progress) -> None:
    """Link or copy images and masks to where data sets read them."""
    for key in with_progress(keys, progress):
        put_image(found.images[key], out, key, how)
        put_mask(found.masks[key], out, key, how)


def put_image(path: Path, out: Path, key: str, how: str) -> None:
    """Link or copy an image to its key."""
    take(path, out / 'image' / f'{key}{path.suffix.lower()}', how)


def put_mask(path: Path, out: Path, key: str, how: str) -> None:
    """Likewise a mask; one that is no PNG is written as PNG."""
    target = out / 'mask' / f'{key}.png'
    if path.suffix.lower() == '.png':
        take(path, target, how)
    else:
        write_grey(target, _grey, path)


def _grey(path: Path) -> np.ndarray:
    """What a viewer shows; a file of one bit or of 0 and 1 becomes 0 and 255."""
    grey = read_values(path).grey
    return grey * np.uint8(255) if grey.max(initial=0) <= 1 else grey.astype(np.uint8)


def pair_parts(
    source: Path, tree: Tree, parts: Mapping[str, Found], summary: Summary, partial: bool
) -> dict[str, list[str]]:
    """Keys of the pairs of each part; what is missing is judged over the whole release.

    Raises:
        DataError: Nothing pairs, more than half of the masks are missing, or a key is in two parts, of which one would hide
            the other.
    """
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    part_of: dict[str, str] = {}
    for part, found in parts.items():
        say_guesses(tree, found, summary)
        if not found.masks:
            summary.warn('parts without masks', part)
        for key in found.images:
            if part_of.setdefault(key, part) != part:
                raise DataError(f'{source}: {key!r} is in {part_of[key]} and in {part}; their names must differ.')
        images |= found.images
        masks |= found.masks
    lists: dict[str, list[str]] = {part: [] for part in parts}
    for key in pair(images, masks, source, summary, partial=partial):
        lists[part_of[key]].append(key)
    return {part: keys for part, keys in lists.items() if keys}
