"""Labelme's JSON files, one beside each image: polygons, rectangles, circles and painted masks."""

import base64
import binascii
import io
import json
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from salseg.apis.converting.coco import instance_mask
from salseg.apis.converting.files import Progress, Summary, safe_names, separate, take, with_progress
from salseg.apis.converting.own_masks import Draw, Shape, draw_as_stored, drawn_together, finish, write_drawn
from salseg.apis.converting.pairing import nothing_found
from salseg.errors import DataError
from salseg.io.files import replacing
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import walk_files

# Corners of the polygon that stands for a circle: at a radius of 500 pixels it is nowhere off by a tenth of one.
_CORNERS = 180
_SUFFIXES = {'JPEG': '.jpg', 'PNG': '.png', 'BMP': '.bmp', 'WEBP': '.webp', 'TIFF': '.tif'}


@dataclass(frozen=True)
class _Labelled:
    """A file of labels.

    Attributes:
        path: Of the JSON file.
        image: File of its image; None where only the file itself holds it.
        content: Of the JSON file.
    """

    path: Path
    image: Path | None
    content: dict[str, Any]


def convert_labelme(
    source: Path,
    out: Path,
    images: Path | None = None,
    labels: Sequence[str] | None = None,
    ids: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Labels of labelme as masks.

    An image is looked for where its JSON file says, then beside that file, then in ``images``; where there is none, the
    copy inside the JSON file is taken. Lines and points have no area and are left out.

    Args:
        source: Folder of JSON files, of any depth.
        out: Gets ``image/``, ``mask/`` and ``train.txt``.
        images: Another folder of the images.
        labels: Names of objects to take; all by default.
        ids: Whether every object has a number of its own; otherwise all together are 255. Shapes of one label and
            ``group_id`` are one object.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: No JSON file is one of labelme's, or no image has a label that can be used.
    """
    separate(source, out)
    files = [source / name for name in walk_files(source, ('.json',))]
    if not files:
        raise nothing_found(source, 'no JSON file', ('*.json of labelme, one for each image',))
    names = safe_names({path: path.relative_to(source).with_suffix('').as_posix() for path in files})
    summary, used = Summary(out), []
    for path in with_progress(files, progress):
        try:
            labelled = _read(path, source, images)
            objects = _objects(labelled, labels, source, summary)
            _write(labelled, objects, out, names[path], ids, how)
        except DataError as error:
            summary.leave_out('images that cannot be used', str(error))
            continue
        summary.count('objects', len(objects))
        used.append(names[path])
    return finish(summary, source, used, len(files))


def _read(path: Path, source: Path, images: Path | None) -> _Labelled:
    try:
        content = json.loads(path.read_text(encoding='utf-8-sig'))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f'{path} is no JSON file: {error}') from error
    if not isinstance(content, dict) or not isinstance(content.get('shapes'), list):
        raise DataError(f'{path} is no file of labelme: it has no list "shapes"')
    image = _image_of(path, str(content.get('imagePath') or ''), source, images)
    if image is None and not content.get('imageData'):
        raise DataError(f'{path}: its image {content.get("imagePath")!r} is not there, and the file holds no copy')
    return _Labelled(path, image, content)


def _image_of(path: Path, stated: str, source: Path, images: Path | None) -> Path | None:
    # Windows writes backslashes.
    stated = stated.replace('\\', '/')
    own = stated.rpartition('/')[2]
    places = [path.parent / stated, path.parent / own]
    if images is not None:
        folder = images if images.is_dir() else source / images
        places.append(folder / own)
    places += [path.with_suffix(suffix) for suffix in IMAGE_SUFFIXES]
    roots = [os.path.abspath(root) for root in (source, images) if root is not None]
    for place in places:
        inside = any(os.path.abspath(place).startswith(f'{root}{os.sep}') for root in roots)
        if inside and place.suffix.lower() in IMAGE_SUFFIXES and place.is_file():
            return place
    return None


def _objects(
    labelled: _Labelled, wanted: Collection[str] | None, source: Path, summary: Summary
) -> dict[Any, list[Draw]]:
    """What draws each object; shapes without an area are left out.

    Raises:
        DataError: There is none.
    """
    found: dict[Any, list[Draw]] = {}
    where = labelled.path.relative_to(source).as_posix()
    for number, shape in enumerate(labelled.content['shapes']):
        try:
            label = str(shape['label'])
            if wanted is not None and label not in wanted:
                continue
            draw = _drawing(shape.get('shape_type') or 'polygon', shape)
            group = shape.get('group_id')
            key = number if group is None else (label, str(group))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
            summary.leave_out('shapes that cannot be read', f'{where}: shape {number + 1}: {error}')
            continue
        if draw is None:
            summary.leave_out('shapes without an area', f'{where}: {label}, {shape.get("shape_type")}')
        else:
            found.setdefault(key, []).append(draw)
    if not found:
        raise DataError(f'{labelled.path} holds no shape with an area' + (f' of {", ".join(wanted)}' if wanted else ''))
    return found


def _drawing(kind: str, shape: dict[str, Any]) -> Draw | None:
    """What draws a shape; None for one that has no area."""
    if kind not in ('polygon', 'rectangle', 'circle', 'mask'):
        return None
    points = np.asarray(shape['points'], np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError('a point is no number')
    if kind == 'mask':
        return partial(_pasted, _decoded(shape['mask']) > 0, points[0])
    if kind == 'rectangle' and len(points) == 2:
        (x0, y0), (x1, y1) = points
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    if kind == 'circle':
        centre, edge = points
        angles = np.arange(_CORNERS) * (2 * math.pi / _CORNERS)
        points = centre + np.hypot(*(edge - centre)) * np.stack([np.cos(angles), np.sin(angles)], 1)
    if len(points) < 3:
        raise ValueError(f'{len(points)} corners')
    return partial(instance_mask, [points.ravel().tolist()])


def _decoded(text: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(base64.b64decode(text))) as image:
            return np.asarray(image.convert('L'))
    except (UnidentifiedImageError, binascii.Error) as error:
        raise ValueError(f'its mask is no image: {error}') from error


def _pasted(mask: np.ndarray, corner: np.ndarray, shape: Shape) -> np.ndarray:
    """A painted mask at its place; what reaches beyond the image is cut."""
    whole = np.zeros(shape, bool)
    x, y = (int(value) for value in corner)
    part = mask[max(0, -y) :, max(0, -x) :][: max(0, shape[0] - max(0, y)), : max(0, shape[1] - max(0, x))]
    whole[max(0, y) :, max(0, x) :][: part.shape[0], : part.shape[1]] = part
    return whole


def _write(labelled: _Labelled, objects: dict[Any, list[Draw]], out: Path, name: str, ids: bool, how: str) -> None:
    content, image = labelled.content, labelled.image
    height, width = content.get('imageHeight'), content.get('imageWidth')
    stated = (int(height), int(width)) if isinstance(height, int | float) and isinstance(width, int | float) else None
    made = image is None
    image = _unpacked(labelled, out / 'image' / name) if image is None else image

    def draw(shape: Shape) -> np.ndarray:
        return drawn_together([partial(_union, parts) for parts in objects.values()], ids, shape)

    try:
        values = draw_as_stored(image, stated, draw)
        if not values.any():
            raise DataError(f'{labelled.path}: its shapes cover no pixel of the image')
    except DataError:
        if made:
            image.unlink(missing_ok=True)
        raise
    write_drawn(out / 'mask' / f'{name}.png', values, ids)
    if not made:
        take(image, out / 'image' / f'{name}{image.suffix.lower()}', how)


def _union(parts: Sequence[Draw], shape: Shape) -> np.ndarray:
    return np.logical_or.reduce([draw(shape) for draw in parts])


def _unpacked(labelled: _Labelled, target: Path) -> Path:
    """The image inside a JSON file, written with the suffix of its format."""
    try:
        data = base64.b64decode(labelled.content['imageData'])
        with Image.open(io.BytesIO(data)) as image:
            suffix = _SUFFIXES[str(image.format)]
    except (UnidentifiedImageError, OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f'{labelled.path}: its imageData is no image: {error}') from error
    path = target.with_name(f'{target.name}{suffix}')
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    return path
