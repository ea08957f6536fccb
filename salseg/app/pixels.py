"""What a browser is sent of an image or a map: encoded small, as viewers show it."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import cv2
import numpy as np

from salseg.app.workspace import NotFound, Workspace
from salseg.errors import DataError
from salseg.io.annotations import read_map
from salseg.io.files import replacing
from salseg.io.images import read_visible

Value = TypeVar('Value')
THUMB_SIDE, VIEW_SIDE = 224, 2400
# Decoded photos are large: as many at a time as keep a small computer usable.
_DECODING = threading.BoundedSemaphore(2)


def thumbnail(workspace: Workspace, path: Path) -> bytes:
    """A small JPEG of an image or map, kept until the file changes.

    Raises:
        NotFound: The file is not there.
        DataError: It cannot be read.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise NotFound(f'{path.name} is not there, any more or yet.') from error
    name = hashlib.sha256(f'{path}\0{facts.st_mtime_ns}\0{facts.st_size}'.encode()).hexdigest()[:32]
    kept = workspace.own / '.thumbs' / f'{name}.jpg'
    try:
        return kept.read_bytes()
    except OSError:
        data = view(path, THUMB_SIDE)
    try:
        workspace.make_own('.thumbs')
        with replacing(kept, durable=False) as temporary:
            temporary.write_bytes(data)
    except (OSError, DataError):
        # A full disk costs time only.
        pass
    return data


def view(path: Path, side: int = VIEW_SIDE) -> bytes:
    """A JPEG of an image as it is seen, its longer side at most so long.

    Raises:
        DataError: It cannot be read.
    """
    with _DECODING:
        return encoded(read_visible(path)[0], side)


def encoded(image: np.ndarray, side: int) -> bytes:
    """A JPEG of (H, W, 3) uint8 RGB, its longer side at most so long."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return data.tobytes()


def doubt(path: Path) -> float:
    """How unsure a model was of a map, 0 to 1: the mass between its two classes over that of the object.

    The sum of min(p, 1 - p) over the sum of p, of which at least 2 % of the image counts, so that an empty map is not sure by
    having no object: where nothing reaches one half it is 1.

    Raises:
        DataError: The file cannot be read.
    """
    found = read_map(path).astype(np.float32) / 255
    if found.max(initial=0) < 0.5:
        return 1.0
    between = float(np.minimum(found, 1 - found).sum())
    return min(1.0, between / max(float(found.sum()), 0.02 * found.size))


class Remembered(Generic[Value]):
    """What was computed from each file, computed anew when it changes.

    Args:
        measure: Computes it.
    """

    def __init__(self, measure: Callable[[Path], Value]) -> None:
        self.measure = measure
        self.known: dict[Path, tuple[int, Value]] = {}

    def __call__(self, path: Path) -> Value | None:
        """The value of a file; None where it cannot be read."""
        try:
            made = path.stat().st_mtime_ns
            if path not in self.known or self.known[path][0] != made:
                self.known[path] = made, self.measure(path)
        except (OSError, DataError):
            return None
        return self.known[path][1]
