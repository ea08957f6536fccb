"""Guidance masks on disk: grey PNG files and a record of how they were made."""

from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.fields import Fields
from salseg.io.files import replacing
from salseg.io.record import FILE_NAME, RunRecord, content_digest, read_record

COMMAND = 'precompute guidance'


def read_mask_record(folder: Path) -> RunRecord:
    """The record of a folder of masks: its items are named ``<set>/<frame>`` and hold the digest of the image's file
    and how many images its set had.

    Raises:
        DataError: It is missing, broken, or of another command.
    """
    record = read_record(folder, COMMAND)
    if record is None:
        raise DataError(
            f'{folder} holds no {FILE_NAME}: the guidance masks that this config reads were not made, or not by `salseg '
            f'{COMMAND}`. Make them once, with the same config: salseg {COMMAND} MODEL --out {folder}'
        )
    if record.state != 'done':
        raise DataError(
            f'{folder}: making the guidance masks was stopped at {len(record.items)} of them. Repeat the command, which '
            f'resumes: salseg {COMMAND} MODEL --out {folder}'
        )
    for key, item in record.items.items():
        found = Fields(item, folder / FILE_NAME, f'items: {key}: ')
        found.text('image')
        found.number('images', 1)
    return record


def image_digest(path: str) -> str:
    """Of an image's file; empty for an image that has none."""
    file = Path(path)
    return content_digest(file.read_bytes()) if file.is_file() else ''


def write_mask(path: Path, mask: np.ndarray) -> None:
    """A mask (h, w) in [0, 1] as a 16-bit grey PNG, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode('.png', np.rint(mask.clip(0, 1) * 65535).astype(np.uint16))
    with replacing(path, durable=False) as temporary:
        temporary.write_bytes(data.tobytes())


def read_guidance(path: Path) -> np.ndarray:
    """A mask (h, w) float32 in [0, 1].

    Raises:
        DataError: The file is missing or of another kind.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8) if path.is_file() else np.empty(0, np.uint8)
    mask = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if mask is None or mask.ndim != 2 or mask.dtype != np.uint16:
        raise DataError(f'{path} is no 16-bit grey mask of `salseg precompute guidance`; make the masks again.')
    return mask.astype(np.float32) / 65535
