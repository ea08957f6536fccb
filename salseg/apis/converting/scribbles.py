"""Scribbles of other encodings, and scribbles drawn from masks."""

import zlib
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, following, separate, take, write_grey
from salseg.datasets.pairing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_folder
from salseg.datasets.reading import MASK_SUFFIXES, read_grey, read_mask
from salseg.datasets.synthetic import draw_scribbles
from salseg.errors import DataError
from salseg.files import write_text


def merge_strokes(source: Path, out: Path, how: str = 'copy', progress: Progress = None) -> Summary:
    """The annotators' form of S-DUTS, a folder per class, as codes 0, 1, 2.

    ``img/`` holds pictures, ``gt/`` object strokes (255), ``mask/`` all strokes (255): a pixel is object where ``gt``
    is set, background where only ``mask`` is, unknown elsewhere.

    Args:
        source: Folder with ``img``, ``gt`` and ``mask``.
        out: Gets ``image/``, ``scribble/`` and ``train.txt``.
        how: 'copy', 'hardlink' or 'symlink' pictures.
        progress: Told how many pictures are done.

    Raises:
        DataError: A folder or partner is missing, sizes differ, or an object stroke is no stroke of ``mask``.
    """
    separate(source, out)
    folders = {name: find_folder(source, name, (), name) for name in ('img', 'gt', 'mask')}
    images = by_stem(folders['img'])
    strokes = {name: by_stem(folders[name], MASK_SUFFIXES) for name in ('gt', 'mask')}
    summary = Summary(out)
    for stem in following(list(images), progress):
        missing = next((name for name in strokes if stem not in strokes[name]), None)
        if missing is not None:
            raise DataError(f'{images[stem]} has no partner in {folders[missing]}.')
        write_grey(out / 'scribble' / f'{stem}.png', lambda s=stem: _codes(strokes['gt'][s], strokes['mask'][s]))
        take(images[stem], out / 'image' / images[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
    return write_list(summary, images)


def _codes(objects: Path, strokes: Path) -> np.ndarray:
    inside, any_stroke = read_grey(objects) >= 128, read_grey(strokes) >= 128
    if inside.shape != any_stroke.shape:
        raise DataError(f'{objects} is {inside.shape}, {strokes} is {any_stroke.shape}: (height, width) must be equal.')
    stray = int((inside & ~any_stroke).sum())
    if stray:
        raise DataError(
            f'{objects} has {stray} object pixels that are no stroke in {strokes}; are the folders swapped?'
        )
    return np.where(inside, 1, np.where(any_stroke, 2, 0)).astype(np.uint8)


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
    """Draw strokes for every mask of a folder, and copy its pictures and masks.

    The strokes of a picture depend on the seed and its name only. Masks without object are noted and left out.

    Args:
        source: Folder of pictures and masks in any layout of single images.
        out: Gets ``image/``, ``mask/``, ``scribble/`` and ``train.txt``.
        seed: Another one gives other strokes.
        width, sloppiness: See :func:`draw_scribbles`.
        images, masks: Folders with unusual names.
        how: 'copy', 'hardlink' or 'symlink' pictures and masks.
        progress: Told how many pictures are done.

    Raises:
        DataError: A folder or partner is missing.
    """
    separate(source, out)
    pictures = by_stem(find_folder(source, images, IMAGE_FOLDERS, 'image'))
    truths = by_stem(find_folder(source, masks, MASK_FOLDERS, 'label'), MASK_SUFFIXES)
    if not set(pictures) & set(truths):
        raise DataError(f'{source}: {len(pictures)} pictures and {len(truths)} masks have no name in common.')
    summary, used = Summary(out), {}
    for stem in following([stem for stem in pictures if stem in truths], progress):
        mask = read_mask(truths[stem], 'binary')
        if not mask.any():
            summary.note('masks without object, left out', str(truths[stem]))
            continue
        rng = np.random.default_rng((seed, zlib.crc32(stem.encode())))
        drawn = draw_scribbles(mask, rng, width=width, sloppiness=sloppiness)
        write_grey(out / 'scribble' / f'{stem}.png', lambda d=drawn: d)
        take(pictures[stem], out / 'image' / pictures[stem].name, how)
        take(truths[stem], out / 'mask' / truths[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
        used[stem] = pictures[stem]
    return write_list(summary, used)


def note_scribble(path: Path, summary: Summary) -> None:
    """Count a scribble and note what a training would stumble over."""
    codes = read_grey(path, 'scribble')
    classes = {int(value) for value in np.unique(codes)} & {1, 2}
    summary.count('scribbles')
    summary.count('labelled pixels', int(np.count_nonzero(codes)))
    summary.count('pixels', codes.size)
    if len(classes) < 2:
        summary.note('scribbles with strokes of one class only', path.name)


def write_list(summary: Summary, stems: dict[str, Path]) -> Summary:
    """Write the stems as ``train.txt`` and note the share of pixels that their scribbles label."""
    write_text(summary.out / 'train.txt', ''.join(f'{stem}\n' for stem in stems))
    labelled, pixels = summary.counts.pop('labelled pixels', 0), summary.counts.pop('pixels', 1)
    summary.note('labelled share', f'{labelled / pixels:.2%} of the pixels')
    return summary
