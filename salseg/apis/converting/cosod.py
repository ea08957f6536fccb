"""Co-saliency sets of any layout as ``image/<group>/`` and ``gt/<group>/``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.apis.converting.pairing import named, nothing_found, pair
from salseg.apis.converting.trees import child, holds_images, sub_folders, walk
from salseg.errors import DataError, missing_folder
from salseg.io.annotations import LABEL_SUFFIXES, read_annotation
from salseg.io.images import image_size
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem

_IMAGES = tuple(name for name in IMAGE_FOLDERS if '<' not in name)
_MASKS = (*(name for name in MASK_FOLDERS if '<' not in name), 'ground_truth', 'ground-truth', 'ground truth')
# Other spellings of a set in public copies.
_ALIASES = {'cosal2015': ('cosal150',), 'coseg': ('coco9213', 'coco9213os', 'coco')}


@dataclass(frozen=True)
class _Group:
    """Folders of a group's images and masks; no masks where the release lacks them."""

    name: str
    images: Path
    masks: Path | None


def convert_groups(
    source: Path,
    out: Path,
    name: str = '',
    known: Sequence[tuple[str, str]] = (),
    versions: Sequence[tuple[int, str]] = (),
    side: int | None = None,
    images: str | None = None,
    masks: str | None = None,
    groups: Sequence[str] | None = None,
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """CoCA, CoSOD3k, Cosal2015, iCoseg, MSRC, CoCo-SEG and copies of them; masks become PNGs of 0 and 255.

    Args:
        source: The release as it was unpacked: images and masks in parallel folders, or masks in a folder of each group.
        out: Folder to write.
        name: Of the set, where several lie in the source.
        known: Folders of images and masks that the release or its benchmark copy is known to have; others are told.
        versions: Numbers of groups, and what the version with so many is called.
        side: Of the images of the copy that papers use, in pixels; others are told.
        images, masks: Unusual folders; ``{group}`` in them stands for a group.
        groups: To take; all by default.
        partial: Take what is there, however many masks are missing.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: No group with images and masks is there, or most masks are missing.
    """
    separate(source, out)
    found = _by_pattern(source, images, masks) if images or masks else _find_groups(source, name)
    absent = sorted(set(groups or ()) - {group.name for group in found})
    if absent:
        raise DataError(f'{source} has no group {absent[0]!r}; it has {", ".join(group.name for group in found[:8])}.')
    found = [group for group in found if groups is None or group.name in groups]
    photos, truth = _files(found)
    summary = Summary(out)
    keys = pair(photos, truth, source, summary, 'mask', partial)
    if not images:
        _note_folders(found, source, known, summary)
    for key in with_progress(keys, progress):
        take(photos[key], out / 'image' / f'{key}{photos[key].suffix.lower()}', how)
        write_grey(out / 'gt' / f'{key}.png', _binary, truth[key])
    used = {key.partition('/')[0] for key in keys}
    summary.count('groups', len(used))
    summary.count('images', len(keys))
    _note_version(len(used), versions, photos[keys[0]], side, summary)
    return summary


def _files(groups: Sequence[_Group]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by group and stem: stems alone occur in several groups."""
    images = {f'{group.name}/{stem}': path for group in groups for stem, path in by_stem(group.images).items()}
    masks = {
        f'{group.name}/{stem}': path
        for group in groups
        if group.masks is not None
        for stem, path in by_stem(group.masks, LABEL_SUFFIXES).items()
    }
    return images, masks


def _find_groups(source: Path, name: str) -> list[_Group]:
    images, masks, nested = [], [], []
    for folder in walk(source):
        inside = sub_folders(folder)
        if not any(holds_images(path) for path in inside):
            continue
        role = _role(folder, name)
        if role == 'image':
            images.append(folder)
        elif role == 'mask':
            masks.append(folder)
        elif any(holds_images(path) and child(path, _MASKS) for path in inside):
            nested.append(folder)
    if images:
        return _parallel(_only(images, source, name), masks)
    if not nested:
        looked = ('image/GROUP', 'Image/GROUP', 'images/GROUP', 'img/GROUP', 'GROUP/GroundTruth')
        raise nothing_found(source, 'no group of images', looked)
    around = _only(nested, source, name)
    return [_Group(path.name, path, child(path, _MASKS)) for path in sub_folders(around) if holds_images(path)]


def _only(folders: Sequence[Path], source: Path, name: str) -> Path:
    """The one folder of groups, or the one of those that lie in a folder of the set's name."""
    if len(folders) > 1 and name:
        folders = [path for path in folders if _called(name, path.relative_to(source).parts)] or folders
    if len(folders) > 1:
        places = named([f'{path.relative_to(source)}/' for path in folders])
        raise DataError(
            f'{source} holds several folders of groups: {places}. Give the folder of one set, or name its folders with '
            '--images and --masks.'
        )
    return folders[0]


def _called(name: str, folders: Sequence[str]) -> bool:
    return any(_plain(folder) in {_plain(name), *_ALIASES.get(_plain(name), ())} for folder in folders)


def _role(folder: Path, name: str) -> str | None:
    """What the folder's name, or that of the folder around a set's own folder, says of its groups."""
    names = [folder.name.lower()]
    if name and _called(name, [folder.name]):
        names.append(folder.parent.name.lower())
    for role, aliases in (('image', _IMAGES), ('mask', _MASKS)):
        if {alias.lower() for alias in aliases} & set(names):
            return role
    return None


def _plain(name: str) -> str:
    return re.sub(r'[^a-z0-9]', '', name.lower())


def _parallel(images: Path, masks: Sequence[Path]) -> list[_Group]:
    """Masks beside the images if they are there, else wherever their archive was unpacked to."""
    beside = [folder for folder in masks if folder.parent == images.parent]
    there = {path.name: path for path in sub_folders((beside or masks)[0])} if masks else {}
    return [_Group(path.name, path, there.get(path.name)) for path in sub_folders(images)]


def _by_pattern(source: Path, images: str | None, masks: str | None) -> list[_Group]:
    if not images or not masks:
        raise DataError('--images and --masks belong together; name both folders.')
    images, masks = (text if '{group}' in text else f'{text}/{{group}}' for text in (images, masks))
    before, _, after = images.partition('{group}')
    if not (source / before).is_dir():
        raise missing_folder(source / before)
    found = []
    for folder in sub_folders(source / before):
        own, truth = folder / after.strip('/'), source / masks.format(group=folder.name)
        if own.is_dir():
            found.append(_Group(folder.name, own, truth if truth.is_dir() else None))
    return found


def _note_folders(groups: Sequence[_Group], source: Path, known: Sequence[tuple[str, str]], summary: Summary) -> None:
    """Say which folders were guessed."""
    images, masks = next((group.images, masks) for group in groups if (masks := group.masks) is not None)
    folders = ('', masks.name) if masks.parent == images else (images.parent.name, masks.parent.name)
    if folders not in known:
        places = f'{images.relative_to(source)} and {masks.relative_to(source)}'
        summary.note('taken from folders that the release does not document (others: --images, --masks)', places)


def _note_version(
    number: int, versions: Sequence[tuple[int, str]], image: Path, side: int | None, summary: Summary
) -> None:
    for groups, text in versions:
        if groups == number:
            summary.note('version', text)
    if side is not None:
        height, width = image_size(image)
        text = f'images of {width}x{height}, the first one'
        if (height, width) == (side, side):
            summary.note('version', f'{text}: the copy of {side}x{side}, as it was trained with')
        else:
            summary.note('version', f'{text}: not the copy of {side}x{side} that was trained with; crops differ')


def _binary(path: Path) -> np.ndarray:
    return read_annotation(path, 'binary') * np.uint8(255)
