"""Masks in COCO's compressed run-length encoding, and tracks as a COCO file that pycocotools reads."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from salseg.errors import DataError
from salseg.io.files import PathLike, replacing


def encode_rle(mask: np.ndarray) -> dict[str, object]:
    """A mask as COCO's compressed RLE.

    Args:
        mask: (H, W) bool.

    Returns:
        ``size`` [H, W] and ``counts``, the string that pycocotools' ``encode`` makes.

    Raises:
        DataError: It is no (H, W) bool array.
    """
    if mask.ndim != 2 or mask.dtype != bool:
        raise DataError(f'the mask has shape {mask.shape} and type {mask.dtype}; expected (H, W) bool.')
    # Column by column, as COCO counts, and beginning with background: a run of 0 where the first pixel is the object.
    flat = np.concatenate(([False], mask.T.ravel()))
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff(np.concatenate(([0], changes, [mask.size])))
    return dict(size=[int(side) for side in mask.shape], counts=_packed(runs.tolist()))


def _packed(runs: list[int]) -> str:
    """Runs as COCO's characters: from the fourth on the difference to the one before last, in groups of five bits."""
    text = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            bits = value & 31
            value >>= 5
            # The sign is the last group's fifth bit.
            more = value != (-1 if bits & 16 else 0)
            text.append(chr(bits + (32 if more else 0) + 48))
            if not more:
                break
    return ''.join(text)


@dataclass(frozen=True)
class TrackedMask:
    """One object in one frame.

    Attributes:
        index: Its id.
        mask: (H, W) bool.
        score: In [0, 1].
    """

    index: int
    mask: np.ndarray
    score: float


class CocoTrackWriter:
    """A COCO file of tracks, open in a ``with`` block; it gets its name when the block ends well.

    An image is a frame, a category is an object: ``category_id`` and ``track_id`` are the object's id. Annotations are
    written as they come, so that a long video is never held.

    Args:
        path: Of the file.
        objects: Ids.

    Raises:
        DataError: The file cannot be written.
    """

    def __init__(self, path: PathLike, objects: Iterable[int]) -> None:
        self.path = Path(path)
        self.objects = list(objects)
        self.images: list[dict[str, object]] = []
        self.count = 0

    def __enter__(self) -> 'CocoTrackWriter':
        self._replacing = replacing(self.path)
        temporary = self._replacing.__enter__()
        self._file = open(temporary, 'w', encoding='utf-8')
        self._file.write('{"annotations": [')
        return self

    def write(self, number: int, name: str, size: tuple[int, int], masks: Iterable[TrackedMask]) -> None:
        """Add a frame of size (H, W): its number, the name of its file, and the objects that are in it."""
        image = len(self.images) + 1
        self.images.append(dict(id=image, file_name=name, height=size[0], width=size[1], frame=number))
        for found in masks:
            self.count += 1
            self._file.write(',\n' if self.count > 1 else '\n')
            self._file.write(json.dumps(dict(id=self.count, image_id=image, **_annotation(found))))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                categories = [dict(id=index, name=f'object {index}') for index in self.objects]
                self._file.write(
                    f'\n],\n"images": {json.dumps(self.images)},\n"categories": {json.dumps(categories)}}}\n'
                )
            self._file.close()
        except OSError as failure:
            self._replacing.__exit__(type(failure), failure, failure.__traceback__)
            raise DataError(f'{self.path} cannot be written: {failure}. Free some space.') from failure
        self._replacing.__exit__(kind, error, trace)


def _annotation(found: TrackedMask) -> Mapping[str, object]:
    rows, columns = np.flatnonzero(found.mask.any(1)), np.flatnonzero(found.mask.any(0))
    box = [0, 0, 0, 0]
    if len(rows):
        box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
    return dict(
        category_id=found.index,
        track_id=found.index,
        segmentation=encode_rle(found.mask),
        area=int(found.mask.sum()),
        bbox=[int(side) for side in box],
        iscrowd=0,
        score=round(found.score, 4),
    )
