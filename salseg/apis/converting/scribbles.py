"""Scribbles as codes: from other encodings, painted in colours with any program, or drawn from masks."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor, UnidentifiedImageError

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.datasets.synthetic import draw_scribbles
from salseg.errors import DataError, LabelError
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, read_annotation
from salseg.io.files import write_text
from salseg.io.images import read_image, read_orientation, turn, turn_back
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_folder

PAINTED_FOLDERS = ('painted', 'scribbles', 'layers')
# A scribble over a photograph that has this colour there already is not seen; such a pixel tells nothing.
_CHANGED = 24
_SHOWN = 5


def convert_scribbles(
    source: Path,
    out: Path,
    draw: bool = False,
    seed: int | None = None,
    width: float | None = None,
    sloppiness: float | None = None,
    images: str | None = None,
    masks: str | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Scribbles of a folder per class as codes, or with ``draw`` scribbles drawn from masks.

    Args:
        source, out, how, progress: See `merge_scribbles` and `draw_from_masks`.
        draw: Draw them.
        seed, width, sloppiness, images, masks: Of `draw_from_masks`.

    Raises:
        DataError: As there, or an option of drawing stands without ``draw``.
    """
    options = dict(seed=seed, width=width, sloppiness=sloppiness, images=images, masks=masks)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if draw:
        return draw_from_masks(source, out, **given, how=how, progress=progress)
    if given:
        raise DataError(f'--{next(iter(given))} is of scribbles that are drawn from masks: add --draw.')
    return merge_scribbles(source, out, how, progress)


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
        write_grey(out / 'scribble' / f'{stem}.png', merged_codes, scribbles['gt'][stem], scribbles['mask'][stem])
        take(images[stem], out / 'image' / images[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
    return write_list(summary, images)


def merged_codes(objects: Path, scribbles: Path) -> np.ndarray:
    """Codes (H, W) uint8 of a file of object scribbles and one of all scribbles, 255 on each.

    Raises:
        DataError: Sizes differ, or an object scribble is no scribble of the other file.
    """
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
            summary.leave_out('masks without object', str(truths[stem]))
            continue
        rng = np.random.default_rng((seed, zlib.crc32(stem.encode())))
        drawn = draw_scribbles(mask, rng, width=width, sloppiness=sloppiness)
        write_grey(out / 'scribble' / f'{stem}.png', np.asarray, drawn)
        take(image_files[stem], out / 'image' / image_files[stem].name, how)
        take(truths[stem], out / 'mask' / truths[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
        used[stem] = image_files[stem]
    return write_list(summary, used)


def scribbles_from_paint(
    source: Path,
    out: Path,
    object_colour: str = 'red',
    background_colour: str = 'blue',
    tolerance: int = 60,
    images: str | None = None,
    painted: str | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Painted copies of images, or layers of their size, as codes 0 unknown, 1 object, 2 background.

    A pixel is a scribble where its colour is that of a class, it is not transparent, and it is not the image's own. The
    soft edge of a brush is left unknown. Images that nobody painted are left out.

    Args:
        source: Folder with the images and ``painted/``, PNG files of the same names.
        out: Gets ``image/``, ``scribble/`` and ``train.txt``.
        object_colour, background_colour: Names or '#rrggbb'.
        tolerance: Largest difference of a channel (0 to 255) at which a colour still counts.
        images, painted: Folders with unusual names.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: A folder, a colour or an image cannot be used, or nothing was painted.
        LabelError: A file lacks scribbles of a class; the message says which colours it has instead.
    """
    separate(source, out)
    colours = _colour(object_colour), _colour(background_colour)
    if np.abs(colours[0] - colours[1]).max() <= 2 * tolerance:
        raise DataError(
            f'{object_colour} and {background_colour} differ by less than twice the tolerance ({tolerance}): take colours '
            'that are further apart, or a smaller --tolerance.'
        )
    image_files = by_stem(find_folder(source, images, IMAGE_FOLDERS, 'image'))
    layers = by_stem(find_folder(source, painted, PAINTED_FOLDERS, 'painted'), ('.png', '.bmp', '.tif', '.tiff'))
    _check_names(source, image_files, layers)
    codes = {}
    failed: list[str] = []
    for stem in with_progress(list(layers), progress):
        try:
            codes[stem] = scribble_codes(layers[stem], image_files[stem], colours, tolerance)
        except LabelError as error:
            failed.append(str(error))
    if failed:
        more = f'\n... and {len(failed) - _SHOWN} more' if len(failed) > _SHOWN else ''
        raise LabelError('\n'.join(failed[:_SHOWN]) + more)
    summary = Summary(out)
    for stem, drawn in codes.items():
        write_grey(out / 'scribble' / f'{stem}.png', np.asarray, drawn)
        take(image_files[stem], out / 'image' / image_files[stem].name, how)
        note_scribble(out / 'scribble' / f'{stem}.png', summary)
    bare = [str(path) for stem, path in image_files.items() if stem not in layers]
    for path in bare:
        summary.leave_out('images that nobody painted', path)
    return write_list(summary, {stem: image_files[stem] for stem in codes})


def _check_names(source: Path, image_files: dict[str, Path], layers: dict[str, Path]) -> None:
    foreign = [str(path) for stem, path in layers.items() if stem not in image_files]
    if foreign:
        raise DataError(f'{foreign[0]} belongs to no image: painted files have the name of their image.')
    if not layers:
        raise DataError(
            f'nothing is painted in {source}: expected PNG files named like the images. (JPEG blurs colours; save as PNG.)'
        )


def _colour(text: str) -> np.ndarray:
    try:
        return np.array(ImageColor.getrgb(text)[:3], np.int16)
    except ValueError as error:
        raise DataError(f'{text!r} is no colour: {error}. Expected a name such as red, or #ff0000.') from error


def scribble_codes(layer: Path, image: Path, colours: tuple[np.ndarray, np.ndarray], tolerance: int = 60) -> np.ndarray:
    """Codes (H, W) uint8 of one painted file: 0 unknown, 1 object, 2 background, as the image is stored.

    Paint programs turn a photo as its EXIF orientation says, and training reads it as it is stored: what was painted is
    turned back.

    Raises:
        DataError: It cannot be read, or its size is not the image's.
        LabelError: It has no scribble of a class.
    """
    values, visible = _read_layer(layer)
    own = read_image(image)
    orientation = _painted_orientation(values, visible, own, read_orientation(image))
    values, visible = turn_back(values, orientation), turn_back(visible, orientation)
    if values.shape != own.shape:
        raise DataError(
            f'{layer} is {values.shape[1]}x{values.shape[0]} (width x height), {image} is {own.shape[1]}x{own.shape[0]}: '
            'paint on the image itself, or on a layer of its size.'
        )
    changed = visible & (np.abs(values - own.astype(np.int16)).max(-1) >= _CHANGED)
    codes = np.zeros(values.shape[:2], np.uint8)
    for code, colour in enumerate(colours, 1):
        codes[changed & (np.abs(values - colour).max(-1) <= tolerance)] = code
    lacking = [name for code, name in ((1, 'object'), (2, 'background')) if not (codes == code).any()]
    if lacking:
        wanted = ', '.join(f'{_hex(colours[name == "background"])} ({name})' for name in lacking)
        raise LabelError(f'{layer} has no scribble of {wanted}. Painted there: {_found(values[changed])}.')
    return codes


def _painted_orientation(values: np.ndarray, visible: np.ndarray, own: np.ndarray, orientation: int) -> int:
    """EXIF orientation in which an image (H, W, 3) was painted: its own, or 1 where it was painted as it is stored.

    The size tells, else the photo itself, which is seen around the scribbles. A layer without it was painted over what
    viewers show.
    """
    seen = turn(own, orientation)
    if orientation == 1 or values.shape != seen.shape:
        return 1
    if values.shape != own.shape:
        return orientation
    away = [np.abs(values - view.astype(np.int16)).max(-1)[visible] for view in (seen, own)]
    return orientation if np.mean(away[0] >= _CHANGED) <= np.mean(away[1] >= _CHANGED) else 1


def _read_layer(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) int16, and which pixels are not transparent."""
    try:
        with Image.open(path) as image:
            rgba = np.asarray(image.convert('RGBA'))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}. Save it again as PNG.') from error
    return rgba[..., :3].astype(np.int16), rgba[..., 3] >= 128


def _found(values: np.ndarray) -> str:
    """The commonest colours of some pixels, in words."""
    if not len(values):
        return 'nothing'
    kinds, counts = np.unique(values, axis=0, return_counts=True)
    top = np.argsort(-counts)[:3]
    return ', '.join(f'{_hex(kinds[k])} on {counts[k]} pixels' for k in top)


def _hex(colour: np.ndarray) -> str:
    return '#' + ''.join(f'{int(value):02x}' for value in colour)


def note_scribble(path: Path, summary: Summary) -> tuple[int, int]:
    """Count a scribble and note what a training would stumble over; its (height, width)."""
    labels = read_annotation(path, 'scribble')
    known = labels != UNKNOWN
    classes = set(np.unique(labels[known]).tolist())
    summary.count('scribbles')
    summary.count('labelled pixels', int(np.count_nonzero(known)))
    summary.count('pixels', labels.size)
    if len(classes) < 2:
        summary.note('scribbles of one class only', path.name)
    return labels.shape[0], labels.shape[1]


def write_list(summary: Summary, stems: dict[str, Path]) -> Summary:
    """Write the stems as ``train.txt`` and note the fraction of pixels that their scribbles label."""
    write_text(summary.out / 'train.txt', ''.join(f'{stem}\n' for stem in stems))
    labelled, pixels = summary.counts.pop('labelled pixels', 0), summary.counts.pop('pixels', 1)
    summary.note('labelled fraction', f'{labelled / pixels:.2%} of the pixels')
    return summary
