"""Prompts as people write them: label PNGs, boxes, points, scribbles, for one video or many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, check_index_labels, read_annotation
from salseg.io.listing import by_stem
from salseg.io.videos import FrameSource
from salseg.propagation import Prompt, mask_from_seeds, seeds_from_points

# x, y in pixels, and whether it is on the object.
Point = tuple[float, float, bool]


def read_prompts(
    source: FrameSource,
    masks: str | Path | None = None,
    boxes: Sequence[str] = (),
    encoding: str = 'index',
    overlap: str = 'smaller',
    note: Callable[[str], None] | None = None,
    points: Sequence[str] = (),
    scribbles: str | Path | None = None,
    scribble_encoding: str = 'scribble',
) -> dict[int, Prompt]:
    """Prompts as the command line gives them.

    Args:
        source: The video.
        masks: A label PNG for the first frame, or a folder of label PNGs named like the frames they belong to. Pixels
            of 0 say nothing, so that a later file may hold new objects only.
        boxes: ``id:x0,y0,x1,y1`` in pixels of the first frame, or ``frame@id:x0,y0,x1,y1`` of another one.
        encoding: Of the masks: 'index' (ids, 255 unknown) or 'binary' (one object, which gets id 1).
        overlap: Who gets pixels that several boxes of a frame claim, 'smaller' or 'later'.
        note: Called with a sentence for every box that reaches beyond its frame and is cut at the border.
        points: ``id:x,y,+ x,y,-`` in pixels of the first frame, + on the object and - beside it, or ``frame@id:...``.
        scribbles: A PNG for the first frame, or a folder of them named like the frames.
        scribble_encoding: Of the scribbles: 'scribble' (0 not said, 1 object, which gets id 1, 2 background) or 'index' (0
            not said, ids, 255 background).

    Points and scribbles become masks by GrabCut, see `salseg.propagation.mask_from_seeds`.

    Returns:
        By the number of the frame.

    Raises:
        DataError: A mask, box, point or scribble cannot be read, belongs to no frame, or an id is given twice in a frame.
    """
    found: dict[int, Prompt] = {}
    files = _mask_files(source, masks)
    if encoding == 'index':
        check_index_labels([path for _, path in files], str(masks))
    for number, path in files:
        labels = read_annotation(path, encoding, orient=True)
        if not ((labels > 0) & (labels < UNKNOWN)).any():
            raise DataError(f'{path} holds no object.')
        found[number] = Prompt.from_labels(labels)
    for number, prompt in _of_boxes(source, boxes, overlap, note):
        _add(found, number, prompt)
    for number, prompt in _of_points(source, points):
        _add(found, number, prompt)
    for number, prompt in _of_scribbles(source, scribbles, scribble_encoding):
        _add(found, number, prompt)
    return found


def _add(found: dict[int, Prompt], number: int, prompt: Prompt) -> None:
    double = [index for index in prompt.ids if number in found and index in found[number].ids]
    if double:
        raise _twice(double[0], number)
    found[number] = _joined(found[number], prompt) if number in found else prompt


def _twice(index: int, number: int) -> DataError:
    return DataError(f'object {index} is given twice in frame {number}: give each object once in a frame.')


def _of_boxes(
    source: FrameSource, boxes: Sequence[str], overlap: str, note: Callable[[str], None] | None
) -> Iterator[tuple[int, Prompt]]:
    by_frame: dict[int, dict[int, tuple[float, ...]]] = {}
    for text in boxes:
        number, index, box = parse_box(text)
        if index in by_frame.setdefault(number, {}):
            raise _twice(index, number)
        by_frame[number][index] = box
    for number, given in by_frame.items():
        size = _frame(source, number, 'a box').shape[:2]
        prompt = Prompt.from_boxes(given, size, overlap)
        if note is not None:
            for cut in _cut_boxes(given, size, number):
                note(cut)
        yield number, prompt


def _of_points(source: FrameSource, points: Sequence[str]) -> Iterator[tuple[int, Prompt]]:
    by_frame: dict[int, dict[int, list[Point]]] = {}
    for text in points:
        number, index, given = parse_points(text)
        by_frame.setdefault(number, {}).setdefault(index, []).extend(given)
    for number, objects in by_frame.items():
        image = _frame(source, number, 'a point')
        yield number, Prompt.from_labels(mask_from_seeds(image, seeds_from_points(objects, image.shape[:2]), 'near'))


def _of_scribbles(source: FrameSource, scribbles: str | Path | None, encoding: str) -> Iterator[tuple[int, Prompt]]:
    if encoding not in ('scribble', 'index'):
        raise DataError(f"scribble_encoding={encoding!r}; expected 'scribble' (0, 1, 2) or 'index' (ids, 255).")
    for number, path in _mask_files(source, scribbles):
        seeds = read_annotation(path, encoding, orient=True)
        if encoding == 'index':
            # In a label map 255 is unknown and 0 is background; of scribbles most is not said.
            seeds = np.where(seeds == 0, UNKNOWN, np.where(seeds == UNKNOWN, 0, seeds)).astype(np.uint8)
        image = _frame(source, number, 'a scribble')
        try:
            yield number, Prompt.from_labels(mask_from_seeds(image, seeds))
        except DataError as error:
            raise DataError(f'{path}: {error}') from None


def parse_points(text: str) -> tuple[int, int, list[Point]]:
    """Frame, id and points of ``[frame@]id:x,y,+ x,y,-``; without a sign a point is on the object.

    Raises:
        DataError: It is written otherwise.
    """
    place, _, rest = text.rpartition(':')
    frame, _, index = place.rpartition('@')
    try:
        points = []
        for word in rest.split():
            x, y, sign = (*word.split(','), '+')[:3]
            if sign not in ('+', '-') or word.count(',') > 2:
                raise ValueError
            points.append((float(x), float(y), sign == '+'))
        if not points:
            raise ValueError
        return int(frame or 0), int(index), points
    except ValueError:
        raise DataError(
            f'the points {text!r} cannot be read; expected id:x,y,+ x,y,- in pixels, for example "1:80,60,+ 10,10,-".'
        ) from None


def parse_box(text: str) -> tuple[int, int, tuple[float, float, float, float]]:
    """Frame, id and corners of ``[frame@]id:x0,y0,x1,y1``.

    Raises:
        DataError: It is written otherwise.
    """
    place, _, corners = text.rpartition(':')
    frame, _, index = place.rpartition('@')
    try:
        values = tuple(float(value) for value in corners.split(','))
        if len(values) != 4:
            raise ValueError
        return int(frame or 0), int(index), values
    except ValueError:
        raise DataError(
            f'the box {text!r} cannot be read; expected id:x0,y0,x1,y1 in pixels, for example 1:40,30,120,90.'
        ) from None


def _cut_boxes(boxes: Mapping[int, Sequence[float]], size: tuple[int, int], frame: int) -> Iterator[str]:
    """A sentence for each box of a frame of size (H, W) that reaches beyond it."""
    height, width = size
    for index, (x0, y0, x1, y1) in boxes.items():
        inside = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if inside != (x0, y0, x1, y1):
            given, left = (','.join(f'{value:g}' for value in box) for box in ((x0, y0, x1, y1), inside))
            yield (
                f'the box {given} of object {index} reaches beyond frame {frame}, {width}x{height} pixels, and is cut '
                f'to {left}.'
            )


def _mask_files(source: FrameSource, masks: str | Path | None) -> list[tuple[int, Path]]:
    if masks is None:
        return []
    path = Path(masks)
    if not path.is_dir():
        return [(0, path)]
    files = by_stem(path, LABEL_SUFFIXES)
    names = None if source.names is None else {name: number for number, name in enumerate(source.names)}
    places = []
    for stem, file in files.items():
        known = names.get(stem) if names is not None else (int(stem) if stem.isdigit() else None)
        if known is None:
            raise DataError(f'{file} belongs to no frame of {source.source}: name mask files like the frames.')
        places.append((known, file))
    if not places:
        raise DataError(f'{path} holds no mask ({", ".join(LABEL_SUFFIXES)}).')
    return places


def _frame(source: FrameSource, number: int, what: str) -> np.ndarray:
    if source.live:
        raise DataError('boxes for a camera are given in Python: Prompt.from_boxes with the size of its frames.')
    for frame in source.frames(number) if number >= 0 else ():
        return frame
    raise DataError(f'{what} was given for frame {number}, which {source.source} does not have.')


def _joined(first: Prompt, second: Prompt) -> Prompt:
    if first.size != second.size:
        raise DataError(
            f'the mask is {first.size} and the frame {second.size} (height, width): give masks at its size.'
        )
    pairs = [
        *zip(first.ids, first.masks, first.from_box),
        *zip(second.ids, second.masks & ~first.masks.any(0), second.from_box),
    ]
    pairs.sort(key=lambda pair: pair[0])
    return Prompt(tuple(p[0] for p in pairs), torch.stack([p[1] for p in pairs]), tuple(p[2] for p in pairs))
