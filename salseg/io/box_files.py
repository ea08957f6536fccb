"""Boxes of objects: read from CSV or from COCO's JSON, written as CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from salseg.errors import DataError
from salseg.io.annotations import UNKNOWN
from salseg.io.files import csv_cell, csv_text

Box = tuple[float, float, float, float]
# Boxes by object id, of every (set, frame); the set of a single image is ''.
BoxTable = dict[tuple[str, str], dict[int, Box]]

# No image has sides of so many pixels.
_LARGEST = 2**31
COLUMNS = ('set', 'frame', 'object', 'x0', 'y0', 'x1', 'y1', 'width', 'height')


def read_boxes(path: str | Path) -> BoxTable:
    """Boxes x0, y0, x1, y1 in pixels, corners between pixels, cut to their image.

    CSV has the columns set, frame, object, x0, y0, x1, y1, width, height. JSON is COCO's, with ``bbox`` x, y, width,
    height, and the set of a video's frames as ``set`` of its images; the category is the object. `salseg convert boxes`
    writes both.

    Raises:
        DataError: The file cannot be read; an id is outside 1..254 or stands twice in a frame; a box has no area or is
            outside its image. The message names the line or the annotation.
    """
    path = Path(path)
    if path.suffix.lower() not in ('.csv', '.json'):
        raise DataError(f'{path}: boxes are read from .csv or .json.')
    rows = _csv_rows(path) if path.suffix.lower() == '.csv' else _coco_rows(path)
    table: BoxTable = {}
    for where, place, index, box, size in rows:
        if not 1 <= index < UNKNOWN:
            raise DataError(f'{path}, {where}: object {index}; expected an id from 1 to {UNKNOWN - 1}.')
        boxes = table.setdefault(place, {})
        if index in boxes:
            raise DataError(f'{path}, {where}: object {index} has a box in frame {place[1]} already.')
        boxes[index] = _inside(path, where, box, size)
    if not table:
        raise DataError(f'{path} holds no box.')
    return table


def _inside(path: Path, where: str, box: Box, size: tuple[float, float]) -> Box:
    width, height = size
    if not all(math.isfinite(value) and abs(value) <= _LARGEST for value in (*box, *size)):
        raise DataError(
            f'{path}, {where}: the box {box} in {width:g}x{height:g} pixels; expected finite numbers of pixels.'
        )
    if box[0] >= box[2] or box[1] >= box[3]:
        raise DataError(f'{path}, {where}: the box {box} has no area; expected x0 < x1 and y0 < y1.')
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    if x0 >= x1 or y0 >= y1:
        raise DataError(f'{path}, {where}: the box {box} is outside its image of {width:g}x{height:g} pixels.')
    return x0, y0, x1, y1


Row = tuple[str, tuple[str, str], int, Box, tuple[float, float]]


def read_box_rows(path: str | Path) -> list[tuple]:
    """The rows of a CSV of boxes as they stand, to write them again: set, frame, object, x0, y0, x1, y1, width, height.

    Raises:
        DataError: The file cannot be read.
    """
    return [(*place, index, *box, *size) for _, place, index, box, size in _csv_rows(Path(path))]


def box_csv(rows: Iterable[tuple]) -> str:
    """The text of a CSV of boxes; whole numbers are written without a point."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (int(value) if isinstance(value, float) and value.is_integer() else value for value in row)
        writer.writerow([csv_cell(cell) for cell in cells])
    return text.getvalue()


def _csv_rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f'{path} has no column {missing[0]!r}; expected {", ".join(COLUMNS)}.')
            for number, row in enumerate(reader, 2):
                x0, y0, x1, y1 = (float(row[name]) for name in COLUMNS[3:7])
                size = float(row['width']), float(row['height'])
                yield (
                    f'line {number}',
                    (csv_text(row['set']), csv_text(row['frame'])),
                    int(row['object']),
                    (x0, y0, x1, y1),
                    size,
                )
    except (OSError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise DataError(f'{path} cannot be read as a table of boxes: {error}.') from error


def _coco_rows(path: Path) -> Iterator[Row]:
    try:
        content: Any = json.loads(path.read_text(encoding='utf-8'))
        images = {image['id']: image for image in content['images']}
        for entry in content['annotations']:
            image = images[entry['image_id']]
            x, y, width, height = (float(value) for value in entry['bbox'])
            place = image.get('set', ''), Path(image['file_name']).stem
            size = float(image['width']), float(image['height'])
            yield f'annotation {entry["id"]}', place, int(entry['category_id']), (x, y, x + width, y + height), size
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no annotation of boxes in COCO's form: {error!r}.") from error
