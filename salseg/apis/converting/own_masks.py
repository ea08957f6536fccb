"""Images with masks of one's own: from folders of any layout, and what all annotation tools' formats share.

The result is ``image/<name>.*``, ``mask/<name>.png`` and ``train.txt``. What cannot be used is left out and counted with its
reason; if nothing is left, that is an error.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import (
    Progress,
    Summary,
    safe_names,
    separate,
    take,
    with_progress,
    write_grey,
    write_ids,
)
from salseg.apis.converting.pairing import named, nothing_found
from salseg.errors import DataError, missing_folder
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, read_annotation, read_truth
from salseg.io.files import write_text
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.images import image_size, read_orientation, turn_back
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, SCRIBBLE_FOLDERS, find_alias, walk_files

Shape = tuple[int, int]
# Draws an object at a size (height, width) as (H, W) bool.
Draw = Callable[[Shape], np.ndarray]
# Twins of one folder: a photo beside its mask.
_PHOTOS = tuple(suffix for suffix in IMAGE_SUFFIXES if suffix != '.png')


def convert_masks(
    source: Path,
    out: Path,
    images: Path | None = None,
    masks: Path | None = None,
    ending: str = '',
    encoding: str = 'binary',
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Images and masks in folders of any names and depth, or side by side in one folder.

    Args:
        source: Folder around all of it.
        out: Folder to write; nested names become one name, 'a/b' 'a_b'.
        images, masks: Folders, relative to the source or not; found out by default.
        ending: What masks have behind the image's name, as '_mask' in ``cat_mask.png``.
        encoding: Of the masks, see `salseg.io.annotations.read_annotation`. 'binary' and 'union' are written as 0 and 255,
            'soft' as grey values, 'index' as a palette PNG, 'scribble' to ``scribble/``.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: A folder is missing, or no image has a mask that can be used.
    """
    separate(source, out)
    photos, labels = _own_files(source, images, masks, ending, encoding)
    both = {key: key for key in photos if key in labels}
    if not both:
        found = f'{len(photos)} images and {len(labels)} masks, of which no two have one name'
        raise nothing_found(source, found, ('an image folder and a mask folder, or what --images and --masks name',))
    summary, used = Summary(out), []
    names = safe_names(both)
    for key in with_progress(list(both), progress):
        try:
            write_label(out, names[key], photos[key], labels[key], encoding)
        except DataError as error:
            summary.leave_out('masks that cannot be used', str(error))
            continue
        take(photos[key], out / 'image' / f'{names[key]}{photos[key].suffix.lower()}', how)
        used.append(names[key])
    for key in photos:
        if key not in labels:
            summary.leave_out('images without mask', str(photos[key]))
    for key in labels:
        if key not in photos:
            summary.leave_out('masks without image', str(labels[key]))
    return finish(summary, source, used, len(photos))


def _own_files(
    source: Path, images: Path | None, masks: Path | None, ending: str, encoding: str
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks by name."""
    aliases = SCRIBBLE_FOLDERS if encoding == 'scribble' else MASK_FOLDERS
    places = {'images': _place(source, images, IMAGE_FOLDERS), 'masks': _place(source, masks, aliases)}
    photos, labels = places['images'] or source, places['masks'] or source
    # Side by side: what is called like a mask is one, or, where nothing is, the PNG beside a photo.
    beside = photos == labels
    found = _keys(photos, _PHOTOS if beside and not ending else IMAGE_SUFFIXES, '', labels if not beside else None)
    if beside and ending:
        found = {key: path for key, path in found.items() if not key.endswith(ending)}
    return found, _keys(
        labels, LABEL_SUFFIXES if not beside or ending else ('.png',), ending, photos if not beside else None
    )


def _place(source: Path, given: Path | None, aliases: tuple[str, ...]) -> Path | None:
    if given is not None:
        folder = given if given.is_dir() else source / given
        if not folder.is_dir():
            raise missing_folder(folder)
        return folder
    found = find_alias(source, aliases)
    return source / found if found else None


def _keys(folder: Path, suffixes: Iterable[str], ending: str, without: Path | None) -> dict[str, Path]:
    """Files below a folder by their relative names without suffix and ending; none of another folder in it."""
    inside = f'{os.path.relpath(without, folder)}/' if without is not None else '/'
    files = [name for name in walk_files(folder, tuple(suffixes)) if not name.startswith(inside)]
    stems = {name.rpartition('.')[0]: folder / name for name in files}
    return {stem[: len(stem) - len(ending)]: path for stem, path in stems.items() if stem.endswith(ending)}


def write_label(out: Path, name: str, image: Path, label: Path, encoding: str) -> None:
    """Write an annotation as training reads it.

    Raises:
        DataError: It cannot be read, its encoding is another, or it has another size than its image.
    """
    values = read_truth(label, 'soft') if encoding == 'soft' else read_annotation(label, encoding)
    sizes = image_size(image), image_size(image, orient=True)
    if values.shape not in sizes:
        raise DataError(f'{label} is {_size(values.shape)} (width x height), {image} is {_size(sizes[0])}')
    if values.shape != sizes[0]:
        values = turn_back(values, read_orientation(image))
    if encoding == 'index':
        write_ids(out / 'mask' / f'{name}.png', np.asarray, values)
    elif encoding == 'scribble':
        write_grey(out / 'scribble' / f'{name}.png', np.asarray, np.array([2, 1, 0], np.uint8)[np.minimum(values, 2)])
    else:
        grey = values if encoding == 'soft' else (values == 1) * np.uint8(255)
        write_grey(out / 'mask' / f'{name}.png', np.asarray, grey)


def draw_as_stored(image: Path, stated: Shape | None, draw: Callable[[Shape], np.ndarray]) -> np.ndarray:
    """What was drawn on an image, as the image is stored: annotation tools turn photos as EXIF says, training does not.

    Args:
        image: The file.
        stated: (height, width) that the tool saw; None where it does not say.
        draw: Gives (H, W) for a size.

    Raises:
        DataError: The image cannot be read, or the tool saw another size.
    """
    stored, shown = image_size(image), image_size(image, orient=True)
    if stated is None or stated == shown:
        return turn_back(draw(shown), read_orientation(image))
    if stated == stored:
        return draw(stored)
    raise DataError(f'{image} is {_size(shown)} (width x height), it was labelled at {_size(stated)}; was it resized?')


def drawn_together(objects: Iterable[Draw], ids: bool, shape: Shape) -> np.ndarray:
    """All objects as 255, or each as its own id from 1 on, the later ones on top; (H, W) uint8.

    Raises:
        DataError: There are more objects than ids.
    """
    values = np.zeros(shape, np.uint8)
    for number, draw in enumerate(objects, 1):
        if ids and number >= UNKNOWN:
            raise DataError(f'more than {UNKNOWN - 1} objects in one image')
        values[draw(shape)] = number if ids else 255
    return values


def write_drawn(target: Path, values: np.ndarray, ids: bool) -> None:
    """Write what was drawn, as a palette PNG or a grey one."""
    (write_ids if ids else write_grey)(target, np.asarray, values)


def finish(summary: Summary, source: Path, used: list[str], images: int) -> Summary:
    """Count, and write the list of what is there.

    Raises:
        DataError: Nothing is.
    """
    if not used:
        reasons = [f'{kind} ({len(places)}): {named(places)}' for kind, places in summary.left.items()]
        raise DataError(f'{source}: of {images} images none has a label that can be used. {"; ".join(reasons)}')
    summary.count('images', len(used))
    write_text(summary.out / 'train.txt', ''.join(f'{name}\n' for name in used))
    return summary


def _size(shape: Iterable[int]) -> str:
    height, width = shape
    return f'{width}x{height}'
