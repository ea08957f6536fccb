"""Write videos frame by frame."""

import os
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from salseg.errors import DataError

_CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG', '.webm': 'VP90', '.mkv': 'FFV1'}


class VideoWriter:
    """A video file, open in a ``with`` block; it gets its name when the block ends well.

    Until then it is ``<name>.part<suffix>``: most formats cannot be read before they are closed.

    Args:
        path: Its suffix chooses the format: .mp4, .avi, .webm or .mkv (lossless).
        fps: Frames per second.

    Raises:
        DataError: Another suffix.
    """

    def __init__(self, path: str | os.PathLike, fps: float = 25.0) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _CODECS:
            raise DataError(f'{path}: no video format is known for {self.path.suffix!r}; use {", ".join(_CODECS)}.')
        self.fps = fps
        self.part = self.path.with_name(f'{self.path.stem}.part{self.path.suffix}')
        self._writer: cv2.VideoWriter | None = None
        self._size: tuple[int, int] = (0, 0)

    def __enter__(self) -> 'VideoWriter':
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 RGB; all frames have the size of the first.

        Raises:
            DataError: The file cannot be written, or the size differs.
        """
        size = (frame.shape[1], frame.shape[0])
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            code = cv2.VideoWriter_fourcc(*_CODECS[self.path.suffix.lower()])
            self._writer, self._size = cv2.VideoWriter(str(self.part), code, self.fps, size), size
            if not self._writer.isOpened():
                raise DataError(
                    f'{self.part} cannot be written: this OpenCV has no encoder for it. Choose another suffix.'
                )
        if size != self._size:
            raise DataError(f'{self.path}: a frame of {size} (width, height) in a video of {self._size}.')
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            return
        self._writer.release()
        if kind is None:
            os.replace(self.part, self.path)
