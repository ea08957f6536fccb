"""HRSOD and BIG, whose images are shrunk once: at their own size a training step would wait seconds for each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, with_progress, write_grey
from salseg.apis.converting.forms import (
    TWIN_MASKS,
    TWINS,
    USUAL,
    Form,
    Found,
    Tree,
    chosen_forms,
    find_pairs,
    find_parts,
    read_tree,
    with_part,
)
from salseg.apis.converting.image_pairs import pair_parts, put_image, put_mask
from salseg.apis.converting.pairing import pair
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.files import write_text
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.images import image_size, read_image, write_png
from salseg.io.listing import by_stem, in_order

# Shorter side in pixels. Our choice: the recipe that reads these sets cuts out 384.
SHORTER_SIDE = 480
_HRSOD = (
    Form(('HRSOD_{split}',), ('HRSOD_{split}_mask', 'HRSOD_{split}_masks'), documented=False),
    Form(
        tuple(f'{{split}}/{name}' for name in USUAL.images), tuple(f'{{split}}/{name}' for name in USUAL.masks), False
    ),
    Form(('HRSOD_{split}',), documented=False),
)


def convert_hrsod(
    source: Path,
    out: Path,
    images: str | None = None,
    masks: str | None = None,
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """HRSOD's training and test images, shorter side 480, with ``train.txt`` and ``test.txt``.

    Args:
        source: The release, both parts or one.
        out: Folder to write.
        images, masks: Patterns of folders that the user names; '{split}' in them stands for train and test.
        partial: Take what is there however many masks are missing.
        how: 'copy', 'hardlink' or 'symlink' what is small already.
        progress: Told how many pairs are done.

    Raises:
        DataError: Nothing pairs, more than half of the masks are missing, or a mask has another size than its image.
    """
    separate(source, out)
    tree = read_tree(source)
    forms = chosen_forms(_HRSOD, images, masks)
    parts = find_parts(tree, {part: with_part(forms, part) for part in ('train', 'test')})
    if len({found.folders for found in parts.values()}) < len(parts):
        # The user's pattern names no split.
        parts = {}
    if not parts:
        return _shrink(source, out, tree, {'': find_pairs(tree, (*forms, USUAL, TWINS))}, partial, how, progress)
    return _shrink(source, out, tree, parts, partial, how, progress)


def _shrink(
    source: Path, out: Path, tree: Tree, parts: Mapping[str, Found], partial: bool, how: str, progress: Progress
) -> Summary:
    summary = Summary(out)
    lists = pair_parts(source, tree, parts, summary, partial)
    jobs = [(part, key) for part, keys in lists.items() for key in keys]
    for part, key in with_progress(jobs, progress):
        put_small(parts[part].images[key], [parts[part].masks[key]], out, key, how)
    return _finish(summary, lists)


def _finish(summary: Summary, lists: Mapping[str, Sequence[str]]) -> Summary:
    summary.count('pairs', sum(map(len, lists.values())))
    summary.note('size', f'shorter side {SHORTER_SIDE}; smaller images stay as they are')
    for part, keys in lists.items():
        if part:
            write_text(summary.out / f'{part}.txt', ''.join(f'{key}\n' for key in keys))
    return summary


def convert_big(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """BIG, shorter side 480: ``<name>_im.jpg`` with one or several ``_gt.png``, which are united; ``_seg.png`` is left.

    Args:
        source: The release, or XMem's flat ``BIG_small``.
        out: Folder to write; images of folders ``val`` and ``test`` are listed.
        partial: Take what is there however many masks are missing.
        how: 'copy', 'hardlink' or 'symlink' what is small already.
        progress: Told how many pairs are done.

    Raises:
        DataError: As `convert_hrsod`.
    """
    separate(source, out)
    tree = read_tree(source)
    images, masks, parts = _big(tree)
    if not images:
        return _shrink(source, out, tree, {'': find_pairs(tree, (*_BIG, TWINS, USUAL))}, partial, how, progress)
    summary = Summary(out)
    keys = pair(images, masks, source, summary, partial=partial)
    for key in with_progress(keys, progress):
        put_small(images[key], masks[key], out, key, how)
        if len(masks[key]) > 1:
            summary.note('images of several masks, united', key)
    lists = {part: [key for key in keys if parts[key] == part] for part in sorted({parts[key] for key in keys})}
    return _finish(summary, lists)


_BIG = (Form(('BIG',), ('a folder of _im.jpg with _gt.png',)),)


def _big(tree: Tree) -> tuple[dict[str, Path], dict[str, list[Path]], dict[str, str]]:
    """Images and masks by key, and the split of each key, '' where its folder is called after none."""
    images: dict[str, Path] = {}
    parts: dict[str, str] = {}
    truths: list[tuple[str, Path]] = []
    for folder in tree.folders:
        part = next((name for name in folder.lower().split('/')[::-1] if name in ('val', 'test')), '')
        for stem, path in by_stem(tree.path(folder), IMAGE_SUFFIXES).items():
            if stem.lower().endswith('_im'):
                if images.setdefault(stem[:-3], path) is not path:
                    raise DataError(f'{images[stem[:-3]]} and {path} have one name: {tree.source} holds BIG twice.')
                parts[stem[:-3]] = part
        masks = by_stem(tree.path(folder), TWIN_MASKS)
        truths += [(stem, path) for stem, path in masks.items() if '_gt' in stem.lower()]
    masks_of: dict[str, list[Path]] = {}
    for stem, path in truths:
        masks_of.setdefault(_image_of(stem, images), []).append(path)
    return {key: images[key] for key in in_order(images)}, masks_of, parts


def _image_of(stem: str, images: Mapping[str, Path]) -> str:
    """Key of the image that a mask is of: an object's suffix may stand before or behind '_gt'."""
    name = full = stem[: stem.lower().rindex('_gt')]
    while name and name not in images:
        name = name.rpartition('_')[0]
    return name or full


def put_small(image: Path, masks: Sequence[Path], out: Path, key: str, how: str) -> None:
    """Write an image and the union of its masks with a shorter side of 480; what is smaller already is taken as it is.

    Images are averaged over the area of a pixel, masks too and then cut at one half.

    Raises:
        DataError: A mask has another size than its image.
    """
    height, width = image_size(image)
    scale = SHORTER_SIDE / min(height, width)
    if scale >= 1 and len(masks) == 1:
        put_image(image, out, key, how)
        put_mask(masks[0], out, key, how)
        return
    small = (round(width * min(scale, 1)), round(height * min(scale, 1)))
    target = out / 'image' / f'{key}.png'
    if not target.exists():
        write_png(target, cv2.resize(read_image(image), small, interpolation=cv2.INTER_AREA))
    write_grey(out / 'mask' / f'{key}.png', _united, masks, (height, width), small, image)


def _united(masks: Sequence[Path], shape: tuple[int, int], small: tuple[int, int], image: Path) -> np.ndarray:
    whole = np.zeros(shape, np.uint8)
    for path in masks:
        mask = read_annotation(path, 'binary')
        if mask.shape != shape:
            raise DataError(f'{image} is {shape}, {path} is {mask.shape}: (height, width) must be equal.')
        whole |= mask
    covered = cv2.resize(whole * np.uint8(255), small, interpolation=cv2.INTER_AREA)
    return (covered >= 128).astype(np.uint8) * np.uint8(255)
