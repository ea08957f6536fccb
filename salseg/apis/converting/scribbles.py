"""Scribbles of other encodings, and scribbles drawn from masks."""

import zlib
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.datasets.synthetic import draw_scribbles
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, read_annotation
from salseg.io.files import write_text
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_folder


def merge_scribbles(source: Path, out: Path, how: str = 'copy', progress: Progress = None) -> Summary:
    """The annotators' form of S-DUTS, a folder per class, as codes 0, 1, 2.

    ``img/`` holds images, ``gt/`` object scribbles (255), ``mask/`` scribbles of both classes (255): a pixel is object where
    ``gt`` is set, background where only ``mask`` is, unknown elsewhere.

    Args:
        source: Folder with ``img``, ``gt`` and ``mask``.
        out: Gets ``image/``, ``scribble/`` and ``train.txt``.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: A folder or partner is missing, sizes differ, or an object scribble is no scribble of ``mask``.
    """
    separate(source, out)
    folders = {name: find_folder(source, name, (), name) for name in ('img', 'gt', 'mask')}
    images = by_stem(folders['img'])
    scribbles = {name: by_stem(folders[name], LABEL_SUFFIXES) for name in ('gt', 'mask')}
    summary = Summary(out)
    for stem in with_progress(list(images), progress):
        missing = next((name for name in scribbles if stem not in scribbles[name]), None)
        if missing is not None:
            raise DataError(f'{images[stem]} has no partner in {folders[missing]}.')
        write_grey(out / 'scribble' / f'{stem}.png', lambda s=stem: _codes(scribbles['gt'][s], scribbles['mask'][s]))
        take(images[stem], out / 'image' / images[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
    return write_list(summary, images)


def _codes(objects: Path, scribbles: Path) -> np.ndarray:
    inside, any_scribble = read_annotation(objects, 'binary') == 1, read_annotation(scribbles, 'binary') == 1
    if inside.shape != any_scribble.shape:
        raise DataError(
            f'{objects} is {inside.shape}, {scribbles} is {any_scribble.shape}: (height, width) must be equal.'
        )
    stray = int((inside & ~any_scribble).sum())
    if stray:
        raise DataError(
            f'{objects} has {stray} object pixels that are no scribble in {scribbles}; are the folders swapped?'
        )
    return np.where(inside, 1, np.where(any_scribble, 2, 0)).astype(np.uint8)


def draw_from_masks(
    source: Path,
    out: Path,
    seed: int = 0,
    width: float | None = None,
    sloppiness: float = 0.0,
    images: str | None = None,
    masks: str | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Draw scribbles for every mask of a folder, and copy its images and masks.

    The scribbles of an image depend on the seed and its name only. Masks without object are noted and left out.

    Args:
        source: Folder of images and masks in any layout of single images.
        out: Gets ``image/``, ``mask/``, ``scribble/`` and ``train.txt``.
        seed: Another one gives other scribbles.
        width, sloppiness: See `draw_scribbles`.
        images, masks: Folders with unusual names.
        how: 'copy', 'hardlink' or 'symlink' images and masks.
        progress: Told how many images are done.

    Raises:
        DataError: A folder or partner is missing.
    """
    separate(source, out)
    image_files = by_stem(find_folder(source, images, IMAGE_FOLDERS, 'image'))
    truths = by_stem(find_folder(source, masks, MASK_FOLDERS, 'label'), LABEL_SUFFIXES)
    if not set(image_files) & set(truths):
        raise DataError(f'{source}: {len(image_files)} images and {len(truths)} masks have no name in common.')
    summary, used = Summary(out), {}
    for stem in with_progress([stem for stem in image_files if stem in truths], progress):
        mask = read_annotation(truths[stem], 'binary')
        if not mask.any():
            summary.note('masks without object, left out', str(truths[stem]))
            continue
        rng = np.random.default_rng((seed, zlib.crc32(stem.encode())))
        drawn = draw_scribbles(mask, rng, width=width, sloppiness=sloppiness)
        write_grey(out / 'scribble' / f'{stem}.png', lambda d=drawn: d)
        take(image_files[stem], out / 'image' / image_files[stem].name, how)
        take(truths[stem], out / 'mask' / truths[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
        used[stem] = image_files[stem]
    return write_list(summary, used)


def note_scribble(path: Path, summary: Summary) -> None:
    """Count a scribble and note what a training would stumble over."""
    labels = read_annotation(path, 'scribble')
    known = labels != UNKNOWN
    classes = set(np.unique(labels[known]).tolist())
    summary.count('scribbles')
    summary.count('labelled pixels', int(np.count_nonzero(known)))
    summary.count('pixels', labels.size)
    if len(classes) < 2:
        summary.note('scribbles of one class only', path.name)


def write_list(summary: Summary, stems: dict[str, Path]) -> Summary:
    """Write the stems as ``train.txt`` and note the fraction of pixels that their scribbles label."""
    write_text(summary.out / 'train.txt', ''.join(f'{stem}\n' for stem in stems))
    labelled, pixels = summary.counts.pop('labelled pixels', 0), summary.counts.pop('pixels', 1)
    summary.note('labelled fraction', f'{labelled / pixels:.2%} of the pixels')
    return summary
