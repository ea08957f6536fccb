"""Frames of a video, one by one, from a folder, a file or a camera."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.images import read_image
from salseg.io.listing import by_stem

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv')


class FrameSource:
    """Frames of one video, read when they are requested.

    Args:
        source: Folder of images (ordered by name, numbers in names as numbers), those images themselves, video file,
            or camera index.

    Attributes:
        fps: Frames per second; 25 for a folder.
        live: Whether it is a camera, which has no end and cannot begin anew.
        names: Of the frames, without suffix; None where only reading tells how many there are.
        announced: Frames that a file says it has, as its writer counted them; 0 where nothing says so.
        lost: Frames that the file announced and did not give, once it was read to its end: it is cut off or damaged.

    Raises:
        DataError: It does not exist, holds no image, or cannot be opened.
    """

    def __init__(self, source: str | Path | int | Sequence[Path]) -> None:
        self.source = source
        self.live = isinstance(source, int) or (str(source).isdigit() and not Path(source).exists())
        self.fps, self.names, self._files = 25.0, None, []
        self.announced = self.lost = 0
        path = Path(str(source))
        if isinstance(source, Sequence) and not isinstance(source, str):
            self._take({file.stem: file for file in source})
            self.source = source[0].parent
            if len(self._files) < len(source):
                raise DataError(f'frames of {self.source} have the same name: give those of one folder, one suffix.')
        elif not self.live and path.is_dir():
            self._take(by_stem(path))
            if not self.names:
                raise DataError(f'{path} holds no image; expected the frames of one video.')
        elif not self.live and not path.is_file():
            raise DataError(f'the video {path} does not exist; expected a folder of images, a file, or a camera index.')
        else:
            capture = self._open()
            self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
            if not self.live:
                self.announced = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            capture.release()

    def _take(self, files: dict[str, Path]) -> None:
        self.names = sorted(files, key=_natural)
        self._files = [files[name] for name in self.names]

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

    def check_whole(self) -> None:
        """Call after the last frame: refuse a file that was cut off.

        Raises:
            DataError: The file announced more frames than it gave.
        """
        if self.lost:
            raise DataError(
                f'{self.source} announces {self.announced} frames, but only {self.announced - self.lost} can be decoded: it '
                'is cut off or damaged. Get the file anew, or convert what is left of it.'
            )

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
                f'{what} cannot be opened as a video. Convert it to .mp4 or .avi, or give a folder of images.'
            )
        return capture


@dataclass(frozen=True)
class Gap:
    """Numbers that a numbering leaves out.

    Attributes:
        before, after: Names on both sides.
        count: Names that are missing.
        first: Up to five of them.
    """

    before: str
    after: str
    count: int
    first: tuple[str, ...]


def missing_numbers(names: Sequence[str]) -> list[Gap]:
    """Gaps in a numbering.

    The step is the commonest one, the smallest of those where several are. There is no numbering where names do not all
    begin alike and end with a number, or fewer than half of the steps are alike, as with times.
    """
    parts = [re.fullmatch(r'(.*?)(\d+)', name) for name in names]
    if len(parts) < 3 or None in parts or len({part.group(1) for part in parts}) > 1:
        return []
    numbers = [int(part.group(2)) for part in parts]
    steps = Counter(b - a for a, b in pairwise(numbers))
    step = min(steps, key=lambda size: (-steps[size], size))
    if step < 1 or 2 * steps[step] < len(numbers) - 1:
        return []
    start, width = parts[0].group(1), len(parts[0].group(2))
    gaps = []
    for place, (before, after) in enumerate(pairwise(numbers)):
        lost = range(before + step, after, step)
        if lost:
            first = tuple(f'{start}{number:0{width}d}' for number in lost[:5])
            gaps.append(Gap(names[place], names[place + 1], len(lost), first))
    return gaps


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in re.findall(r'\d+|\D+', name)]
