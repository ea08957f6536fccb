"""Boxes around the objects of masks, as CSV or as COCO's JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, with_progress
from salseg.datasets.box_files import COLUMNS
from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.images import Item
from salseg.datasets.checking.layout import find_plan, items_of
from salseg.errors import DataError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.files import csv_cell, write_text

Row = tuple[str, str, int, int, int, int, int, int, int]


def write_boxes(
    source: Path,
    out: Path,
    kind: str | None = None,
    images: str | None = None,
    labels: str | None = None,
    progress: Progress = None,
) -> Summary:
    """Write the smallest box around every object of every annotation.

    CSV columns: set (group or video, empty for images), frame, object, x0, y0, x1, y1 in pixels with corners between
    pixels ((0, 0, width, height) is the whole image), and the image's width and height. JSON is COCO's: ``bbox`` is
    x, y, width, height; the category is the object id, as masks know no classes.

    Args:
        source: Data set in any layout that `salseg check-data` knows.
        out: File, ``.csv`` or ``.json``.
        kind, images, labels: As there.
        progress: Told how many images are done.

    Raises:
        DataError: The suffix or the layout is unknown, or a mask cannot be read.
    """
    if out.suffix.lower() not in ('.csv', '.json'):
        raise DataError(f'{out}: boxes are written as .csv or .json.')
    plan = find_plan(source, kind, images, labels)
    items = [item for item in items_of(plan, Findings()) if any(role != 'scribble' for role, _ in item.labels)]
    if not items:
        raise DataError(f'{source} holds no masks to put boxes around.')
    summary, rows = Summary(out), []
    for item in with_progress(items, progress):
        found = list(_rows(item))
        rows += found
        summary.count('annotations')
        summary.count('boxes', len(found))
        if not found:
            summary.note('annotations without object', item.name)
    write_text(out, _csv(rows) if out.suffix.lower() == '.csv' else _coco(items, rows))
    return summary


def mask_boxes(labels: np.ndarray) -> dict[int, tuple[int, int, int, int]]:
    """Box x0, y0, x1, y1 by object id of labels (H, W), corners between pixels; 0 and 255 are no objects."""
    boxes = {}
    for number in np.unique(labels):
        if 0 < number < UNKNOWN:
            mask = labels == number
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            boxes[int(number)] = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return boxes


def _rows(item: Item) -> Iterator[Row]:
    number = 0
    for role, path in item.labels:
        if role == 'scribble':
            continue
        labels = read_annotation(path, 'index' if role == 'ids' else 'binary')
        # Files of one object each are numbered in their order.
        number += 1
        for own, box in mask_boxes(labels).items():
            yield (item.group, item.stem, number if role == 'object' else own, *box, labels.shape[1], labels.shape[0])


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    writer.writerows([csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _coco(items: Sequence[Item], rows: Sequence[Row]) -> str:
    numbers = {(item.group, item.stem): number for number, item in enumerate(items, 1)}
    sizes = {(row[0], row[1]): (row[7], row[8]) for row in rows}
    images = [
        dict(
            id=numbers[item.group, item.stem],
            file_name=Path(item.image).name if item.image else item.stem,
            set=item.group,
            **dict(zip(('width', 'height'), sizes.get((item.group, item.stem), ()))),
        )
        for item in items
    ]
    annotations = [
        dict(
            id=number,
            image_id=numbers[row[0], row[1]],
            category_id=row[2],
            bbox=[row[3], row[4], row[5] - row[3], row[6] - row[4]],
            area=(row[5] - row[3]) * (row[6] - row[4]),
            iscrowd=0,
        )
        for number, row in enumerate(rows, 1)
    ]
    categories = [dict(id=number, name=f'object {number}') for number in sorted({row[2] for row in rows})]
    return json.dumps(dict(images=images, annotations=annotations, categories=categories), indent=1) + '\n'
