"""Write a video frame by frame: H.264 that browsers play, checked before it gets its name."""

import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.files import replacing

T = TypeVar('T')

try:
    import av
except ImportError:  # the wheels of PyAV lack some platforms
    # mypy cannot know that a module may be missing.
    av = None  # type: ignore[assignment]


@dataclass(frozen=True)
class _Codec:
    """How files of a suffix are encoded.

    Attributes:
        container: FFmpeg's name.
        encoder, pixels: For PyAV.
        fourcc: For OpenCV.
        options: For the encoder.
        even: Whether colours are stored for blocks of 2x2 pixels, so that both sides must be even.
        alpha: Whether frames have a fourth channel, their opacity.
        threads: Of the encoder; 0 lets it choose.
    """

    container: str
    encoder: str
    pixels: str
    fourcc: str
    options: dict[str, str]
    even: bool = True
    alpha: bool = False
    threads: int = 0


# Without the macroblock tree the same frames give the same bytes; with it one file of some hundreds differs.
_H264 = _Codec('mp4', 'libx264', 'yuv420p', 'mp4v', {'crf': '20', 'preset': 'veryfast', 'x264-params': 'mbtree=0'})
_CODECS = {
    '.mp4': _H264,
    '.m4v': _H264,
    '.avi': _Codec('avi', 'mjpeg', 'yuvj420p', 'MJPG', {'qmin': '2', 'qmax': '2'}),
    '.webm': _Codec('webm', 'libvpx-vp9', 'yuv420p', 'VP90', {'crf': '30', 'b:v': '0', 'deadline': 'realtime'}),
    '.mkv': _Codec('matroska', 'ffv1', 'bgr0', 'FFV1', {}, even=False),
    # What editing programs take for cutting: 10 bits of colour at full resolution, and 16 bits of opacity. With several
    # threads this encoder now and then writes wrong opacities where the width is no multiple of 16.
    '.mov': _Codec('mov', 'prores_ks', 'yuva444p10le', 'ap4h', {'profile': '4444'}, alpha=True, threads=1),
}
# FFmpeg's number of ITU-R 601, which players assume without a tag; with it all agree.
_BT601 = 6
_FAULTS: tuple[type[Exception], ...] = (OSError, ValueError, cv2.error, *(() if av is None else (av.FFmpegError,)))


class _Encoder(Protocol):
    def write(self, frame: np.ndarray) -> None: ...

    def close(self) -> None: ...


class VideoWriter:
    """A video file, open in a ``with`` block; it gets its name when the block ends well and all its frames can be read.

    Until then it has a temporary name, and what had the name before stays as it was.

    Args:
        path: Its suffix chooses the format: .mp4 (H.264, plays in browsers), .avi, .webm, .mkv (lossless) or .mov
            (ProRes 4444, for cutting, of RGBA frames).
        fps: Frames per second.

    Raises:
        DataError: Another suffix; .mov without PyAV.
    """

    def __init__(self, path: str | os.PathLike, fps: float = 25.0) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix.lower() not in _CODECS:
            raise DataError(f'{path}: no video format is known for {self.path.suffix!r}; use {", ".join(_CODECS)}.')
        self.codec = _CODECS[self.path.suffix.lower()]
        if self.codec.alpha and not can_write_alpha():
            raise DataError(f'{path}: a video with opacity needs PyAV (pip install av).')
        self.count = 0
        self._stack = ExitStack()
        self._part: Path | None = None
        self._encoder: _Encoder | None = None
        self._shape: tuple[int, ...] = ()

    def __enter__(self) -> 'VideoWriter':
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 RGB, of .mov (H, W, 4) RGBA; all frames have the size of the first.

        An odd side gets its last line or column once more where the format needs even ones.

        Raises:
            DataError: The file cannot be written, or the size differs.
        """
        channels = 4 if self.codec.alpha else 3
        if frame.shape[2:] != (channels,):
            raise DataError(f'{self.path}: a frame of {frame.shape}; expected (height, width, {channels}).')
        if self._encoder is None:
            self._shape = frame.shape
            self._encoder = self._try(self._open)
        encoder = self._encoder
        if frame.shape != self._shape:
            raise DataError(f'{self.path}: a frame of {frame.shape} in a video of {self._shape} (height, width, 3).')
        self._try(lambda: encoder.write(self._padded(frame)))
        self.count += 1

    def _padded(self, frame: np.ndarray) -> np.ndarray:
        odd = [side % 2 if self.codec.even else 0 for side in frame.shape[:2]]
        return np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), mode='edge') if any(odd) else frame

    def _open(self) -> _Encoder:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._part = self._stack.enter_context(replacing(self.path))
        height, width = (side + (side % 2 if self.codec.even else 0) for side in self._shape[:2])
        if av is not None:
            return _PyAV(self._part, self.codec, self.fps, (width, height))
        warnings.warn(_WITHOUT_PYAV, stacklevel=4)
        return _OpenCV(self._part, self.path.suffix, self.codec, self.fps, (width, height))

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except DataError:
            raise
        except _FAULTS as error:
            raise DataError(
                f'{self.path} cannot be written: {error}. Free some space, or choose another folder or suffix.'
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._encoder is None:
            self._stack.__exit__(kind, error, trace)
            return
        try:
            self._try(self._encoder.close)
            if kind is None:
                self._verify()
        except DataError as failure:
            self._stack.__exit__(type(failure), failure, failure.__traceback__)
            # The block's own error says more.
            if kind is None:
                raise
            return
        self._try(lambda: self._stack.__exit__(kind, error, trace))

    def _verify(self) -> None:
        """A full disk or a limit of the size is not always reported by the encoder."""
        found = 0 if self._part is None else self._try(partial(count_frames, self._part))
        if found != self.count:
            raise DataError(
                f'{self.path} cannot be written whole: only {found} of {self.count} frames can be read back. Free some '
                'space, or choose another folder or suffix.'
            )


class _PyAV:
    def __init__(self, path: Path, codec: _Codec, fps: float, size: tuple[int, int]) -> None:
        rate = Fraction(fps).limit_denominator(1001)
        options = {}
        if codec.container == 'mp4':
            # The index goes to the front, so that a browser plays before it has all. In units of the usual millisecond a
            # short video of a high rate would last no time, and players would show none of it.
            scale = max(1000, min(rate.numerator, 2**31 - 1))
            options = {'movflags': '+faststart', 'movie_timescale': str(scale)}
        self.container = av.open(str(path), 'w', format=codec.container, options=options)
        try:
            stream = self.container.add_stream(codec.encoder, rate=rate, options=codec.options)
            if not isinstance(stream, av.VideoStream):
                raise ValueError(f'{codec.encoder} encodes no video')
            stream.width, stream.height = size
            stream.pix_fmt = codec.pixels
            stream.codec_context.thread_count = codec.threads
            if codec.even:
                stream.codec_context.colorspace = _BT601
        except BaseException:
            self.container.close()
            raise
        self.stream, self.number = stream, 0
        self.given = 'rgba' if codec.alpha else 'rgb24'

    def write(self, frame: np.ndarray) -> None:
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=self.given)
        image.pts = self.number
        self.number += 1
        self.container.mux(self.stream.encode(image))

    def close(self) -> None:
        try:
            self.container.mux(self.stream.encode(None))
        finally:
            self.container.close()


class _OpenCV:
    def __init__(self, path: Path, suffix: str, codec: _Codec, fps: float, size: tuple[int, int]) -> None:
        # OpenCV chooses the container by the suffix.
        self.path, self.named = path, path.with_name(path.name + suffix)
        code = cv2.VideoWriter.fourcc(*codec.fourcc)
        self.writer = cv2.VideoWriter(str(self.named), code, fps, size)
        if not self.writer.isOpened():
            raise OSError('this OpenCV has no encoder for it')

    def write(self, frame: np.ndarray) -> None:
        self.writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self.writer.release()
        os.replace(self.named, self.path)


_WITHOUT_PYAV = (
    'PyAV is not installed: videos are written by OpenCV in MPEG-4, which browsers do not play (pip install av).'
)


def can_write_alpha() -> bool:
    """Whether videos with opacity (.mov) can be written here."""
    return av is not None and 'prores_ks' in av.codecs_available


def count_frames(path: Path) -> int:
    """Frames of a video file that can be decoded."""
    if av is None:
        capture, count = cv2.VideoCapture(str(path)), 0
        while capture.grab():
            count += 1
        capture.release()
        return count
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode(video=0))
    except av.FFmpegError:
        return 0
