"""Frames of the folder's videos as JPEG, in any order; reading forwards resumes where the last frame was."""

import os
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from salseg.app.pixels import encoded, view
from salseg.app.workspace import NotFound, Workspace
from salseg.io.images import image_size
from salseg.io.videos import FrameSource

FRAME_SIDE = 1280
# Path, time of its last change and size: another one is another video.
Stamp = tuple[str, int, int]
Frame = tuple[bytes, tuple[int, int]]


class Frames:
    """Frames of videos.

    Args:
        workspace: The folder.
        keep: JPEGs that are held.
    """

    def __init__(self, workspace: Workspace, keep: int = 64) -> None:
        self.workspace, self.keep = workspace, keep
        self.kept: OrderedDict[tuple[Stamp, int], Frame] = OrderedDict()
        self.lock = threading.RLock()
        self.open: _Reading | None = None
        self.opened: tuple[Stamp, FrameSource] | None = None
        # Of files whose end was reached.
        self.counts: dict[Stamp, int] = {}

    def source(self, name: str) -> FrameSource:
        """A video, read anew when its file or the list of its frames changes.

        Raises:
            NotFound: There is none.
            DataError: It cannot be opened.
        """
        path = self.workspace.video(name)
        with self.lock:
            stamp = _stamp(path)
            if self.opened is None or self.opened[0] != stamp:
                self.opened = stamp, FrameSource(path)
            return self.opened[1]

    def describe(self, name: str) -> dict:
        """Frames that there are or, in a file that was not read to its end, are announced; their rate, size and names.

        Raises:
            DataError: The video cannot be read.
        """
        source = self.source(name)
        _, size = self.read(name, 0)
        count = len(source.names) if source.names is not None else self._count(source)
        return dict(name=name, count=count, fps=source.fps, height=size[0], width=size[1], names=source.names)

    def _count(self, source: FrameSource) -> int:
        stamp = _stamp(Path(str(source.source)))
        if stamp not in self.counts and source.announced:
            return source.announced
        if stamp not in self.counts:
            count = 0

            def seen(number: int) -> bool:
                nonlocal count
                # Asked once more than there are frames.
                count = number
                return False

            for _ in source.numbered(0, seen):
                pass
            self.counts[stamp] = count
        return self.counts[stamp]

    def read(self, name: str, number: int) -> Frame:
        """A frame as JPEG, and its own size (height, width).

        Raises:
            NotFound: The video has no such frame.
            DataError: It cannot be read.
        """
        source = self.source(name)
        if source.names is not None and number >= len(source.names):
            raise NotFound(f'{name} has no frame {number}; its last is {len(source.names) - 1}.')
        with self.lock:
            key = _stamp(source.files[number if source.names is not None else 0]), number
            if key not in self.kept:
                if source.names is not None:
                    path = source.files[number]
                    self.kept[key] = view(path, FRAME_SIDE), image_size(path, orient=True)
                else:
                    self.kept[key] = self._decode(source, key[0], number)
            self.kept.move_to_end(key)
            while len(self.kept) > self.keep:
                self.kept.popitem(last=False)
            return self.kept[key]

    def _decode(self, source: FrameSource, stamp: Stamp, number: int) -> Frame:
        at = self.open
        if at is None or at.stamp != stamp or at.following > number:
            at = _Reading(source, stamp)
        # What fails is begun anew.
        self.open = None
        image = at.frame(number)
        if image is None:
            self.counts[stamp] = at.following
            raise NotFound(f'{source.source} has no frame {number}; its last is {at.following - 1}.')
        self.open = at
        return encoded(image, FRAME_SIDE), image.shape[:2]


class _Reading:
    """A file that is read forwards; frames that are passed over are not converted."""

    def __init__(self, source: FrameSource, stamp: Stamp) -> None:
        self.stamp, self.following, self.target = stamp, 0, 0
        self.frames = source.numbered(0, self._wanted)

    def _wanted(self, number: int) -> bool:
        self.following = number
        return number >= self.target

    def frame(self, number: int) -> np.ndarray | None:
        """The frame of a number that is not below `following`; None behind the end, whose number is then `following`."""
        self.target = number
        for found, image in self.frames:
            self.following = found + 1
            return image
        return None


def _stamp(path: Path) -> Stamp:
    try:
        facts = os.stat(path)
    except OSError as error:
        raise NotFound(f'{path.name} is not there any more. Reload the page.') from error
    return str(path), facts.st_mtime_ns, facts.st_size
