"""Videos of a release as ``JPEGImages/<video>/``, ``Annotations/<video>/`` and lists: one way for all sets."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.converting.files import (
    Progress,
    Summary,
    safe_name,
    take,
    with_progress,
    write_grey,
    write_ids,
)
from salseg.apis.converting.pairing import judge, nothing_found
from salseg.apis.converting.trees import VideoFolders
from salseg.errors import DataError, LabelError
from salseg.io.annotations import LABEL_SUFFIXES, read_annotation
from salseg.io.files import write_text
from salseg.io.listing import by_stem
from salseg.io.lists import read_names

# Every so-manieth frame of VOS is annotated.
VOS_STEP = 15


@dataclass(frozen=True)
class Listed:
    """Files of a video.

    Attributes:
        name: Of the video, and of its folder in the result.
        frames: By the stem that a frame gets.
        labels: Annotation by the same stems: a file, or files of one object each.
        above: See `VideoFolders`.
    """

    name: str
    frames: Mapping[str, Path]
    labels: Mapping[str, Any]
    above: tuple[str, ...] = ()


WriteLabel = Callable[[Any, Path, str], None]
Expected = Callable[[Listed], Iterable[str]]


def listed(folders: VideoFolders) -> Listed:
    """Frames and annotations of equal stems."""
    labels = {} if folders.labels is None else by_stem(folders.labels, LABEL_SUFFIXES)
    return Listed(folders.name, by_stem(folders.frames), labels, folders.above)


def every_frame(video: Listed) -> Iterable[str]:
    """All frames are annotated."""
    return video.frames


def first_frame(video: Listed) -> Iterable[str]:
    """The first frame is, as far as the release says."""
    known = [frame for frame in video.frames if frame in video.labels]
    return known or list(video.frames)[:1]


def no_frame(video: Listed) -> Iterable[str]:
    """None is, in sets that are given without annotations."""
    return ()


def some_frame(video: Listed) -> Iterable[str]:
    """Any of the video's frames: sets that are annotated now and then."""
    return first_frame(video)


def every_fifteenth(video: Listed) -> Iterable[str]:
    """As in VOS: between the first and the last annotation, where all that are there keep the step."""
    known = [frame for frame in video.frames if frame in video.labels]
    if len(known) < 2 or not all(frame.isdigit() for frame in video.frames):
        return first_frame(video)
    numbers = [int(frame) for frame in known]
    if gcd(*(b - a for a, b in pairwise(numbers))) % VOS_STEP:
        return known
    span = range(numbers[0], numbers[-1] + 1, VOS_STEP)
    return [frame for frame in video.frames if int(frame) in span]


@dataclass
class Videos:
    """What of a release becomes which videos.

    Attributes:
        source: The release, for messages.
        videos: Where each lies; listed only when it is reached, as there may be tens of thousands.
        read: Lists one.
        write: Makes an annotation: what was listed, the target, 'copy', 'hardlink' or 'symlink'.
        expected: Frames that the release annotates.
        lists: Videos by name of the list that is written.
        sub: Sub-folder of the target, for sets whose splits lie apart.
    """

    source: Path
    videos: Sequence[Any]
    read: Callable[[Any], Listed] = listed
    write: WriteLabel | None = None
    expected: Expected = every_frame
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sub: str = ''

    def write_to(self, out: Path, summary: Summary, how: str, progress: Progress, partial: bool) -> None:
        """Judge what is missing, then write frames and annotations, then the lists.

        Raises:
            DataError: Two videos have one name, none has frames or annotations, or most annotations are missing.
        """
        coverage = Coverage()
        used = self.check(summary, coverage)
        coverage.judge(self.source, summary, partial)
        self.write_used(used, out, summary, how, progress)

    def check(self, summary: Summary, coverage: 'Coverage') -> list[Any]:
        """Videos that have frames; what of their annotations is there, and what is not, is added to ``coverage``.

        Raises:
            DataError: Two videos have one name.
        """
        used, names = [], set()
        for entry in self.videos:
            video = self.read(entry)
            if safe_name(video.name) != video.name or video.name in names:
                raise DataError(f'{self.source}: two videos are called {video.name}. Give the folder of one of them.')
            names.add(video.name)
            where = f'{self.sub}/{video.name}' if self.sub else video.name
            if video.frames:
                used.append(entry)
                coverage.add(video, self.expected(video), where, summary)
            else:
                summary.warn('videos without frames, left out', where)
        return used

    def write_used(self, used: Sequence[Any], out: Path, summary: Summary, how: str, progress: Progress) -> None:
        """Write the videos that were checked; counts are told split by split where splits lie apart."""
        write, below, kind = self.write or write_union, out / self.sub, f'{self.sub} ' if self.sub else ''
        for entry in with_progress(used, progress):
            video = self.read(entry)
            summary.count(f'{kind}videos')
            summary.count(f'{kind}frames', len(video.frames))
            for stem, frame in video.frames.items():
                take(frame, below / 'JPEGImages' / video.name / f'{stem}{frame.suffix.lower()}', how)
                if stem in video.labels:
                    write(video.labels[stem], below / 'Annotations' / video.name / f'{stem}.png', how)
                    summary.count(f'{kind}annotations')
        write_lists(below, self.lists, {self.read(entry).name for entry in used} if self.lists else set(), summary)


@dataclass
class Coverage:
    """What of the annotations of a whole release is there.

    Attributes:
        missing: Frames that should have an annotation and have none.
        expected: How many should have one.
        paired: Frames that have one.
        videos: Videos that have frames.
    """

    missing: list[str] = field(default_factory=list)
    expected: int = 0
    paired: int = 0
    videos: int = 0

    def add(self, video: Listed, expected: Iterable[str], where: str, summary: Summary) -> None:
        """Count a video."""
        wanted = list(expected)
        self.videos += 1
        self.expected += len(wanted)
        self.missing += [f'{where}/{frame}' for frame in wanted if frame not in video.labels]
        for stem in video.labels:
            if stem in video.frames:
                self.paired += 1
            else:
                summary.warn('annotations without frame, left out', f'{where}/{stem}')

    def include(self, other: 'Coverage') -> None:
        """Add what was counted elsewhere."""
        self.missing += other.missing
        self.expected += other.expected
        self.paired += other.paired
        self.videos += other.videos

    @property
    def lacks_most(self) -> bool:
        """Whether more than half is missing."""
        return 2 * len(self.missing) > self.expected

    def judge(self, source: Path, summary: Summary, partial: bool) -> None:
        """Refuse a release of which nothing is annotated, or less than half of what should be.

        Raises:
            DataError: It is.
        """
        if not self.videos or (self.expected and not self.paired):
            found = f'{self.videos} videos with frames and {self.paired} annotated frames'
            raise nothing_found(source, found, ('an annotation with the name of its frame',))
        judge(self.missing, self.expected, source, summary, 'annotation', partial, 'frames', '')


def write_lists(out: Path, lists: Mapping[str, Sequence[str]], present: set[str], summary: Summary) -> None:
    """Write ``ImageSets/<name>.txt``, a video a line; those that are not there are left out with a warning."""
    for name, members in lists.items():
        kept = [member for member in members if member in present]
        for member in members:
            if member not in present:
                summary.warn(f'videos of {name}.txt that are not there, taken off the list', member)
        if kept:
            write_text(out / 'ImageSets' / f'{name}.txt', ''.join(f'{member}\n' for member in kept))


def read_lists(files: Sequence[Path], known: set[str]) -> dict[str, list[str]]:
    """Videos of list files of either form, by the stem of the file.

    Raises:
        DataError: Two have the same name, or one names what can be no folder.
    """
    lists = {}
    for path in files:
        if path.stem in lists:
            raise DataError(
                f'--lists {" ".join(map(str, files))}: two have the same name, and so would what is written.'
            )
        lists[path.stem] = read_names(path, known)
        for name in lists[path.stem]:
            if safe_name(name) != name:
                raise DataError(f'{path}: {name!r} is no name of a folder in the source.')
    return lists


def chosen(videos: Sequence[VideoFolders], lists: Mapping[str, Sequence[str]]) -> list[VideoFolders]:
    """Videos that a list names; all where there is no list."""
    if not lists:
        return list(videos)
    wanted = {name for members in lists.values() for name in members}
    return [video for video in videos if video.name in wanted]


def united(path: str | Path) -> np.ndarray:
    """All objects of a label file as (H, W) uint8 of 0 and 255; masks are cut at half scale."""
    try:
        labels = read_annotation(path, 'union')
    except LabelError as error:
        # A mask with a soft border, which holds no ids.
        if error.fits != 'binary':
            raise
        labels = read_annotation(path, 'binary')
    return (labels == 1) * np.uint8(255)


def write_union(label: Path, target: Path, how: str) -> None:
    """All objects as one, 0 and 255."""
    write_grey(target, united, label)


def take_ids(label: Path, target: Path, how: str) -> None:
    """Object ids as they are: a PNG is linked or copied, anything else becomes a palette PNG."""
    if label.suffix.lower() == '.png':
        take(label, target, how)
    else:
        write_ids(target, read_annotation, label, 'index')
