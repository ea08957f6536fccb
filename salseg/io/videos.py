"""Frames of a video, one by one, from a folder, a file or a camera."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import takewhile
from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.formats import is_image
from salseg.io.images import read_visible
from salseg.io.listing import by_stem, missing_numbers, natural_key

_FPS = 25.0
# A file that ends so many seconds, and this part of its length, before the time that it announces was cut off.
_SHORT_BY, _SHORT_PART = 0.2, 0.03
# Cameras of today; what is above is mostly the unit of time of a file with a variable rate.
_FASTEST = 240.0
# Frames of a file that are held at a time when it is played backwards.
BACKWARD_BYTES = 128 * 2**20


class FrameSource:
    """Frames of one video, read when they are needed; they stand as viewers and players show them.

    A file is decoded to its end. How many frames it announces is its writer's guess, true of few formats, and is used for
    progress only.

    Args:
        source: Folder of images (ordered by name, numbers in names as numbers), those images themselves, video file,
            or index of a camera.

    Attributes:
        fps: Frames per second, 25 for a folder, and where a file says nothing.
        live: Whether it is a camera, which has no end and cannot begin anew.
        names: Of the frames, without suffix; None where only reading tells how many there are.
        announced: Frames that a file says it has; 0 where nothing says so.
        damage: Why a file that was read to its end is not whole, as a sentence; empty where it is.

    Raises:
        DataError: It does not exist, holds no image, or cannot be opened.
    """

    def __init__(self, source: str | Path | int | Sequence[Path]) -> None:
        self.source = source
        self.live = isinstance(source, int) or (
            isinstance(source, str | Path) and str(source).isdigit() and not Path(source).exists()
        )
        self.fps = _FPS
        self.names: list[str] | None = None
        self._files: list[Path] = []
        self.announced, self.damage = 0, ''
        path = Path(str(source))
        if isinstance(source, Sequence) and not isinstance(source, str):
            self._take({file.stem: file for file in source})
            self.source = source[0].parent
            if len(self._files) < len(source):
                raise DataError(f'frames of {self.source} have the same name: give those of one folder, one suffix.')
        elif not self.live and path.is_dir():
            self._take({stem: file for stem, file in by_stem(path).items() if is_image(file)})
            if not self.names:
                raise DataError(f'{path} holds no image; expected the frames of one video.')
        elif not self.live and not path.is_file():
            what = 'is no regular file' if path.exists() else 'does not exist'
            raise DataError(f'the video {path} {what}; expected a folder of images, a file, or the index of a camera.')
        else:
            self._look_into_file()

    def _take(self, files: dict[str, Path]) -> None:
        self.names = sorted(files, key=natural_key)
        self._files = [files[name] for name in self.names]

    def _look_into_file(self) -> None:
        with closing(_Capture(self.source, self.live)) as capture:
            fps = capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if np.isfinite(fps) and fps > 0 else _FPS
            if not self.live:
                self.fps = _mean_rate(Path(str(self.source)), self.fps) if self.fps > _FASTEST else self.fps
                count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
                self.announced = int(count) if np.isfinite(count) and 0 < count < 2**31 else 0

    @property
    def files(self) -> list[Path]:
        """What the frames are read from: an image each, or the video; nothing of a camera."""
        return list(self._files) or ([] if self.live else [Path(str(self.source))])

    def check_numbers(self) -> None:
        """Refuse a folder whose numbering has gaps: time would jump there unseen.

        Names that end with a number and begin alike are looked at. Every n-th frame is no gap.

        Raises:
            DataError: Names the first missing frames and their neighbours.
        """
        gaps = missing_numbers(self.names or [])
        if gaps:
            count = sum(gap.count for gap in gaps)
            shown = ', '.join(gaps[0].first) + (', ...' if count > len(gaps[0].first) else '')
            raise DataError(
                f'{self.source} lacks {count} frame{"s" * (count > 1)} in its numbering: {shown}, between {gaps[0].before} '
                f'and {gaps[0].after}. Put back what was lost, or say that it is meant so: --allow-gaps, in Python '
                'allow_gaps=True.'
            )

    def name(self, number: int) -> str:
        """Name of a frame, from which its results take theirs."""
        return f'{number:05d}' if self.names is None else self.names[number]

    def frames(self, start: int = 0) -> Generator[np.ndarray, None, None]:
        """Frames (H, W, 3) uint8 RGB from one on.

        Raises:
            DataError: A frame cannot be read, or the file holds none.
        """
        with closing(self.numbered(start)) as numbered:
            for _, frame in numbered:
                yield frame

    def numbered(
        self, start: int = 0, wanted: Callable[[int], bool] | None = None
    ) -> Generator[tuple[int, np.ndarray], None, None]:
        """Number and frame, as `frames`; those that are not wanted are not converted.

        Raises:
            DataError: As `frames`.
        """
        if self.names is not None:
            for number, path in enumerate(self._files[start:], start):
                if wanted is None or wanted(number):
                    yield number, read_visible(path)[0]
            return
        with closing(_Capture(self.source, self.live)) as capture:
            yield from capture.frames(start, wanted)
            given = capture.passed
        if not given:
            raise DataError(f'{self.source} holds no frame that can be decoded. Convert it to .mp4, or get it anew.')
        # Only where frames seem to lack is it worth to look at all packets.
        if not self.live and given < self.announced:
            self.damage = find_damage(Path(str(self.source)), given)

    def numbered_backward(
        self, start: int, wanted: Callable[[int], bool] | None = None
    ) -> Generator[tuple[int, np.ndarray], None, None]:
        """Number and frame from one down to the first; those that are not wanted are left out.

        A file is decoded in pieces of `BACKWARD_BYTES`, each anew from the beginning, as only that gives the same frames:
        memory is bounded, and the time to decode grows with the square of the length. A folder is read as it is.

        Raises:
            DataError: There is no such frame, or one cannot be read; a camera cannot go back.
        """
        if self.live:
            raise DataError('a camera cannot be played backwards; record a video first.')
        if self.names is not None:
            if start >= len(self._files):
                raise self._lacks(start)
            for number in range(start, -1, -1):
                if wanted is None or wanted(number):
                    yield number, read_visible(self._files[number])[0]
            return
        stop, piece = start + 1, 1
        while stop > 0:
            frames = self._piece(max(0, stop - piece), stop, wanted)
            if stop == start + 1 and not frames and (wanted is None or wanted(start)):
                raise self._lacks(start)
            stop = max(0, stop - piece)
            if frames:
                piece = max(1, BACKWARD_BYTES // frames[-1][1].nbytes)
            yield from reversed(frames)

    def _piece(self, first: int, stop: int, wanted: Callable[[int], bool] | None) -> list[tuple[int, np.ndarray]]:
        with closing(self.numbered(first, wanted)) as numbered:
            return list(takewhile(lambda pair: pair[0] < stop, numbered))

    def _lacks(self, number: int) -> DataError:
        return DataError(f'{self.source} has no frame {number}; frames are counted from 0.')


class _Capture:
    """OpenCV's reader of a file or camera, whose errors are ours."""

    def __init__(self, source: object, live: bool) -> None:
        self.source = source
        self.passed = 0
        try:
            self._capture = cv2.VideoCapture(int(str(source)) if live else str(source))
            opened = self._capture.isOpened()
        except cv2.error:
            opened = False
        if not opened:
            what = f'camera {source}' if live else f'{source}'
            raise DataError(
                f'{what} cannot be opened as a video. Convert it to .mp4 or .avi, or give a folder of images.'
            )

    def get(self, what: int) -> float:
        return self._capture.get(what)

    def frames(self, start: int, wanted: Callable[[int], bool] | None) -> Iterator[tuple[int, np.ndarray]]:
        """Number and frame; `passed` counts what was there, wanted or not."""
        # Seeking by time is not exact in most formats; skipping is.
        while self.passed < start:
            if not self._capture.grab():
                return
            self.passed += 1
        while True:
            number = self.passed
            if wanted is not None and not wanted(number):
                if not self._capture.grab():
                    return
                self.passed += 1
                continue
            read, frame = self._capture.read()
            if not read:
                return
            self.passed += 1
            yield number, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        self._capture.release()


def _mean_rate(path: Path, stated: float) -> float:
    """Frames per second over a whole file whose header states a rate that no video has, but the clock of its writer."""
    try:
        import av

        with av.open(str(path)) as container:
            times = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None]
    except (ImportError, OSError, ValueError, IndexError):
        return stated
    length = max(times, default=0.0) - min(times, default=0.0)
    return (len(times) - 1) / length if length > 0 else stated


def find_damage(path: Path, decoded: int) -> str:
    """Why a video is not whole, as a sentence, or nothing: its container is read through, without decoding.

    It is not whole where a packet that the container lists cannot be read, or where the last one ends well before the
    length that the container states. Counts are not compared: those of variable frame rates are estimates, and a file that
    was cut without encoding it anew lists frames that are not to be shown.

    Args:
        path: A video file.
        decoded: Frames that it gave, for the sentence.
    """
    reason = _unreadable_packet(path)
    if not reason:
        return ''
    return (
        f'{path} is cut off or damaged: {reason}. The {decoded} frames that can be decoded are used; get the file anew for '
        'the rest.'
    )


def _unreadable_packet(path: Path) -> str:
    try:
        import av
    except ImportError:
        return ''
    end = stated = 0.0
    try:
        with av.open(str(path)) as container:
            stated = (container.duration or 0) / av.time_base
            first = (container.start_time or 0) / av.time_base
            # Sound too: it may well last longer than what is seen.
            for packet in container.demux():
                if packet.size and packet.is_corrupt:
                    return f'a packet at {end:.1f} s is incomplete'
                if packet.pts is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base) - first)
    except (OSError, ValueError) as error:
        return f'reading ends at {end:.1f} s ({error})'
    lacking = stated - end
    return f'it ends at {end:.1f} s of {stated:.1f} s' if lacking > max(_SHORT_BY, _SHORT_PART * stated) else ''
