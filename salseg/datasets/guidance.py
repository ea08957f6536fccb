"""Guidance masks on disk: grey PNG files and a record of how they were made."""

import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.files import replacing

RECORD = 'guidance.json'


@dataclass
class GuidanceRecord:
    """How a folder of masks was made.

    Attributes:
        learner: What made them: settings, the network and a fingerprint of its weights, network size.
        frames: By ``<set>/<frame>``, a checksum of the image's file, and how many images its set had.
    """

    learner: dict[str, Any]
    frames: dict[str, tuple[int, int]] = field(default_factory=dict)

    def text(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + '\n'


def read_record(folder: Path) -> GuidanceRecord:
    """The record of a folder.

    Raises:
        DataError: It is missing or broken.
    """
    path = folder / RECORD
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        return GuidanceRecord(content['learner'], {k: tuple(v) for k, v in content['frames'].items()})
    except FileNotFoundError as error:
        raise DataError(f'{folder} holds no {RECORD}: it was not written by `salseg precompute guidance`.') from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f'{path} is no record of guidance masks: {error}. Make them again.') from error


def checksum(path: str) -> int:
    """Of an image's file; 0 for an image that has none."""
    file = Path(path)
    return zlib.crc32(file.read_bytes()) if file.is_file() else 0


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
