"""What a browser is sent of an image, a map or a frame: encoded small, as viewers show it."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from salseg.app.workspace import NotFound, Workspace
from salseg.errors import DataError
from salseg.io.annotations import read_map
from salseg.io.files import replacing
from salseg.io.images import read_visible
from salseg.io.videos import FrameSource

THUMB_SIDE, VIEW_SIDE, FRAME_SIDE = 224, 2400, 1280
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


class Remembered:
    """The doubt of each map, computed anew when its file changes."""

    def __init__(self, measure: Callable[[Path], float] = doubt) -> None:
        self.measure = measure
        self.known: dict[Path, tuple[int, float]] = {}

    def __call__(self, path: Path) -> float | None:
        """Doubt of a map; None where it cannot be read."""
        try:
            made = path.stat().st_mtime_ns
            if self.known.get(path, (0, 0))[0] != made:
                self.known[path] = made, self.measure(path)
        except (OSError, DataError):
            return None
        return self.known[path][1]


class Frames:
    """Frames of the folder's videos as JPEG; reading forwards goes on where the last frame was.

    Args:
        workspace: The folder.
        keep: Frames that are kept.
    """

    def __init__(self, workspace: Workspace, keep: int = 64) -> None:
        self.workspace, self.keep = workspace, keep
        self.kept: OrderedDict[tuple[str, int], tuple[bytes, tuple[int, int]]] = OrderedDict()
        self.lock = threading.Lock()
        self.open: tuple[str, int, Iterator[np.ndarray]] | None = None

    def describe(self, name: str) -> dict:
        """Frames that there are or are announced, their rate, size and names.

        Raises:
            DataError: The video cannot be read.
        """
        source = FrameSource(self.workspace.video(name))
        _, size = self.read(name, 0)
        count = len(source.names) if source.names is not None else source.announced
        return dict(name=name, count=count, fps=source.fps, height=size[0], width=size[1], names=source.names)

    def read(self, name: str, number: int) -> tuple[bytes, tuple[int, int]]:
        """A frame as JPEG, and its own size (height, width).

        Raises:
            NotFound: The video has no such frame.
            DataError: It cannot be read.
        """
        with self.lock:
            if (name, number) not in self.kept:
                self._decode(name, number)
            self.kept.move_to_end((name, number))
            return self.kept[name, number]

    def _decode(self, name: str, number: int) -> None:
        at = self.open
        if at is None or at[0] != name or at[1] > number or number - at[1] > 200:
            self.open = at = (name, number, FrameSource(self.workspace.video(name)).frames(number))
        _, following, frames = at
        for place in range(following, number + 1):
            image = next(frames, None)
            if image is None:
                self.open = None
                raise NotFound(f'{name} has no frame {number}; its last is {place - 1}.')
            if place == number:
                self.kept[name, place] = encoded(image, FRAME_SIDE), image.shape[:2]
        self.open = (name, number + 1, frames)
        while len(self.kept) > self.keep:
            self.kept.popitem(last=False)
