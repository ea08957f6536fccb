"""Scribbles and boxes of an image, as the page shows them and as training reads them.

Training reads images as they are stored, the page shows them as viewers do, turned as EXIF says. A scribble that fits the
turned image only is turned back by training; where both fit, as with squares, it counts as stored, and is saved so.
"""

import hashlib
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.app.workspace import Workspace
from salseg.errors import DataError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.box_files import box_csv, read_box_rows
from salseg.io.files import read_bytes, write_text
from salseg.io.images import image_size, read_orientation, turn, turn_back, write_png

# Codes on disk and on the page: 0 unknown, 1 object, 2 background.
_CODES = np.zeros(256, np.uint8)
_CODES[1], _CODES[0] = 1, 2
# One writer at a time, so that of two tabs that save at once one sees what the other did.
_WRITING = threading.Lock()
NOTHING = 'none'


class Conflict(DataError):
    """A label was changed by somebody else since the page read it."""


def version(path: Path) -> str:
    """A word for the content of a file, which changes with it; `NOTHING` for none."""
    return hashlib.sha256(read_bytes(path)).hexdigest()[:16] if path.exists() else NOTHING


def read_scribble(workspace: Workspace, key: str) -> tuple[bytes, str]:
    """Codes of an image as it is seen, row by row, packed by zlib; and the version.

    Raises:
        DataError: The image or its scribble cannot be read, or their sizes differ.
    """
    image, path = workspace.image(key), workspace.scribble(key)
    height, width = image_size(image, orient=True)
    found = version(path)
    if found == NOTHING:
        return zlib.compress(bytes(height * width), 1), found
    codes = _CODES[read_annotation(path, 'scribble')]
    stored = image_size(image)
    if codes.shape == stored and (stored == (height, width) or codes.shape != (height, width)):
        codes = turn(codes, read_orientation(image))
    if codes.shape != (height, width):
        raise DataError(
            f'{path} has {codes.shape[1]}x{codes.shape[0]} pixels and {image.name} {width}x{height}: it belongs to another '
            'image, or the image was replaced. Move it away to draw anew.'
        )
    return zlib.compress(codes.tobytes(), 1), found


def save_scribble(workspace: Workspace, key: str, packed: bytes, known: str) -> str:
    """Write the codes of an image at its own size; nothing drawn removes the file.

    Args:
        workspace: The folder.
        key: The image.
        packed: As `read_scribble` gives it.
        known: Version that the page had read.

    Returns:
        The new version.

    Raises:
        Conflict: The file has another version by now.
        DataError: The codes do not fit the image, or the file cannot be written.
    """
    image, path = workspace.image(key), workspace.scribble(key)
    height, width = image_size(image, orient=True)
    codes = unpacked(packed, height, width, key)
    if image_size(image) == (height, width):
        codes = turn_back(codes, read_orientation(image))
    with _WRITING:
        if version(path) != known:
            raise Conflict(
                f'{path.name} was changed in another tab or by another program; your last scribble was not saved. '
                'Reload to see what is there, and draw it again.'
            )
        if codes.any():
            write_png(path, codes)
        else:
            path.unlink(missing_ok=True)
        return version(path)


def unpacked(packed: bytes, height: int, width: int, what: str, highest: int = 2) -> np.ndarray:
    """(height, width) uint8 codes that the page sent.

    Args:
        packed: One byte a pixel, row by row, packed by zlib.
        height, width: Of the image.
        what: Names it in messages.
        highest: Code.

    Raises:
        DataError: They are damaged, of another size, or have other codes.
    """
    unpacker = zlib.decompressobj()
    try:
        # One byte more than fits tells that there is more, without unpacking it all.
        data = unpacker.decompress(packed, height * width + 1)
    except zlib.error as error:
        raise DataError(f'the scribble of {what} arrived damaged ({error}); draw it again.') from error
    codes = np.frombuffer(data, np.uint8)
    if codes.size != height * width:
        raise DataError(
            f'the scribble does not have the {width}x{height} pixels of {what}: the image was replaced while it was '
            'drawn on. Reload the page.'
        )
    if codes.max(initial=0) > highest:
        raise DataError(f'a scribble has the codes 0 to {highest}; this one of {what} has {codes.max()}.')
    return codes.reshape(height, width)


def trainable(workspace: Workspace) -> tuple[list[str], dict[str, str]]:
    """Keys whose scribble has both classes; and of the other scribbles why they cannot be used."""
    good, bad = [], {}
    drawn = workspace.scribbles()
    for key in (key for key in workspace.images() if key in drawn):
        try:
            present = set(np.unique(read_annotation(workspace.scribble(key), 'scribble')).tolist())
        except DataError as error:
            bad[key] = str(error)
            continue
        if {0, 1} <= present:
            good.append(key)
        else:
            bad[key] = f'has no {"object" if 1 not in present else "background"} scribble yet'
    return good, bad


def read_boxes_of(workspace: Workspace, key: str) -> tuple[list[dict[str, Any]], str]:
    """Boxes of an image as it is seen, ``{'id', 'box': [x0, y0, x1, y1]}``, and the version of their table.

    Raises:
        DataError: The table cannot be read.
    """
    rows, found = _box_rows(workspace)
    own = [row for row in rows if _is_of(row, key)]
    if not own:
        return [], found
    image = workspace.image(key)
    size, orientation = image_size(image), read_orientation(image)
    return [dict(id=row[2], box=_turn_box(row[3:7], size, orientation)) for row in own], found


def save_boxes_of(workspace: Workspace, key: str, boxes: Sequence[Mapping[str, Any]], known: str) -> str:
    """Replace the boxes of an image in the table; those of others stay as they are.

    Raises:
        Conflict: The table has another version by now.
        DataError: A box is none, or the table cannot be written.
    """
    image = workspace.image(key)
    size, orientation = image_size(image), read_orientation(image)
    seen = image_size(image, orient=True)
    # Boxes are read without a mask that would tell how an image is turned: they count as the image is stored.
    back = {6: 8, 8: 6}.get(orientation, orientation)
    new = [(*_place(key), *_checked(box, seen, back), size[1], size[0]) for box in boxes]
    if len({row[2] for row in new}) < len(new):
        raise DataError(f'two boxes of {key} have the same id.')
    with _WRITING:
        rows, found = _box_rows(workspace)
        if found != known:
            raise Conflict(
                'boxes.csv was changed in another tab or by another program; your last box was not saved. Reload to see '
                'what is there, and draw it again.'
            )
        rows = [row for row in rows if not _is_of(row, key)] + new
        if rows:
            try:
                write_text(workspace.box_file, box_csv(rows))
            except OSError as error:
                raise DataError(f'boxes.csv cannot be written: {error}. Free some space.') from error
        else:
            workspace.box_file.unlink(missing_ok=True)
        return version(workspace.box_file)


def boxed(workspace: Workspace) -> set[str]:
    """Keys that have a box; none where the table cannot be read, which the image itself tells."""
    try:
        return {row[1] for row in _box_rows(workspace)[0]}
    except DataError:
        return set()


def _box_rows(workspace: Workspace) -> tuple[list[tuple], str]:
    path = workspace.box_file
    found = version(path)
    return ([] if found == NOTHING else read_box_rows(path)), found


def _place(key: str) -> tuple[str, str]:
    # Single images have no set; the name of their frame is the whole key.
    return '', key


def _is_of(row: tuple, key: str) -> bool:
    return row[1] == key and row[0] in ('', key)


def _checked(entry: Mapping[str, Any], seen: tuple[int, int], orientation: int) -> tuple:
    try:
        index = int(entry['id'])
        x0, y0, x1, y1 = (float(value) for value in entry['box'])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{entry!r} is no box; expected an id and x0, y0, x1, y1.') from error
    height, width = seen
    x0, x1, y0, y1 = max(x0, 0), min(x1, width), max(y0, 0), min(y1, height)
    if not 1 <= index < UNKNOWN or not (x0 < x1 and y0 < y1):
        raise DataError(f'{entry!r} is no box in {width}x{height} pixels; expected x0 < x1, y0 < y1 and an id from 1.')
    return index, *_turn_box((x0, y0, x1, y1), seen, orientation)


def _turn_box(box: Sequence[float], size: tuple[int, int], orientation: int) -> list[float]:
    """Corners of a box in an image of size (H, W) after `salseg.io.images.turn`."""
    x0, y0, x1, y1 = box
    height, width = size
    if orientation >= 5:
        x0, y0, x1, y1, height, width = y0, x0, y1, x1, width, height
    if orientation in (3, 4, 7, 8):
        y0, y1 = height - y1, height - y0
    if orientation in (2, 3, 6, 7):
        x0, x1 = width - x1, width - x0
    return [x0, y0, x1, y1]
