"""Frames of a video, one by one, from a folder, a file or a camera."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from salseg.datasets.pairing import by_stem
from salseg.datasets.reading import read_image
from salseg.errors import DataError


class FrameSource:
    """Frames of one video, read when they are asked for.

    Args:
        source: Folder of pictures (ordered by name, numbers in names as numbers), video file, or number of a camera.

    Attributes:
        fps: Frames per second; 25 for a folder.
        live: Whether it is a camera, which has no end and cannot begin anew.
        names: Of the frames, without suffix; None where only reading tells how many there are.
        announced: Frames that a file says it has, as its writer counted them; 0 where nothing says so.
        lost: Frames that the file announced and did not give, once it was read to its end: it is cut off or damaged.

    Raises:
        DataError: It does not exist, holds no picture, or cannot be opened.
    """

    def __init__(self, source: str | Path | int) -> None:
        self.source = source
        self.live = isinstance(source, int) or (str(source).isdigit() and not Path(source).exists())
        self.fps, self.names, self._files = 25.0, None, []
        self.announced = self.lost = 0
        path = Path(str(source))
        if not self.live and path.is_dir():
            found = by_stem(path)
            self.names = sorted(found, key=_natural)
            self._files = [found[name] for name in self.names]
            if not self.names:
                raise DataError(f'{path} holds no picture; expected the frames of one video.')
        elif not self.live and not path.is_file():
            raise DataError(
                f'the video {path} does not exist; expected a folder of pictures, a file, or a camera number.'
            )
        else:
            capture = self._open()
            self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
            if not self.live:
                self.announced = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            capture.release()

    def name(self, number: int) -> str:
        """Name of a frame, from which its results take theirs."""
        return f'{number:05d}' if self.names is None else self.names[number]

    def frames(self, start: int = 0) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 RGB from one on.

        Raises:
            DataError: A frame cannot be read, or the file holds none.
        """
        if self.names is not None:
            for path in self._files[start:]:
                yield read_image(path)
            return
        capture = self._open()
        try:
            # Seeking by time is not exact in most formats; skipping is.
            for _ in range(start):
                capture.grab()
            read, frame = capture.read()
            if not read and start == 0:
                raise DataError(f'{self.source} holds no frame that OpenCV can decode.')
            given = start
            while read:
                yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                given += 1
                read, frame = capture.read()
            missing = self.announced - given
            # Writers miscount by a frame or two, and some formats only estimate.
            self.lost = missing if missing > max(2, self.announced // 50) else 0
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(int(self.source) if self.live else str(self.source))
        if not capture.isOpened():
            what = f'camera {self.source}' if self.live else f'{self.source}'
            raise DataError(
                f'{what} cannot be opened as a video. Convert it to .mp4 or .avi, or give a folder of pictures.'
            )
        return capture


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in re.findall(r'\d+|\D+', name)]
