"""Prompts as people write them: label PNGs, boxes, points, scribbles, for one video or many."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, check_index_labels, read_annotation
from salseg.io.listing import by_stem
from salseg.io.videos import FrameSource
from salseg.propagation import Prompt


def read_prompts(
    source: FrameSource,
    masks: str | Path | None = None,
    boxes: Sequence[str] = (),
    encoding: str = 'index',
    overlap: str = 'smaller',
    note: Callable[[str], None] | None = None,
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

    Returns:
        By the number of the frame.

    Raises:
        DataError: A mask or box cannot be read, belongs to no frame, or an id is given twice in a frame.
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
    by_frame: dict[int, dict[int, tuple[float, ...]]] = {}
    for text in boxes:
        number, index, box = parse_box(text)
        if index in by_frame.setdefault(number, {}) or (number in found and index in found[number].ids):
            raise DataError(f'object {index} is given twice in frame {number}: give each object once in a frame.')
        by_frame[number][index] = box
    for number, given in by_frame.items():
        size = _frame_size(source, number)
        prompt = Prompt.from_boxes(given, size, overlap)
        if note is not None:
            for cut in _cut_boxes(given, size, number):
                note(cut)
        found[number] = _joined(found[number], prompt) if number in found else prompt
    return found


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


def _frame_size(source: FrameSource, number: int) -> tuple[int, int]:
    if source.live:
        raise DataError('boxes for a camera are given in Python: Prompt.from_boxes with the size of its frames.')
    for frame in source.frames(number):
        return frame.shape[:2]
    raise DataError(f'a box was given for frame {number}, which {source.source} does not have.')


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
