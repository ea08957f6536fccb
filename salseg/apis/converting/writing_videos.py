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
        """Write frames and annotations, then the lists.

        Raises:
            DataError: Two videos have one name, none has frames or annotations, or most annotations are missing.
        """
        used = self.check(summary, partial)
        write = self.write or write_union
        below = out / self.sub
        for entry in with_progress(used, progress):
            video = self.read(entry)
            summary.count('videos')
            summary.count('frames', len(video.frames))
            for stem, frame in video.frames.items():
                take(frame, below / 'JPEGImages' / video.name / f'{stem}{frame.suffix.lower()}', how)
                if stem in video.labels:
                    write(video.labels[stem], below / 'Annotations' / video.name / f'{stem}.png', how)
                    summary.count('annotations')
        write_lists(below, self.lists, {self.read(entry).name for entry in used} if self.lists else set(), summary)

    def check(self, summary: Summary, partial: bool) -> list[Any]:
        """Videos that have frames; what is missing of the annotations is judged over all of them.

        Raises:
            DataError: Two videos have one name, none has frames or annotations, or most annotations are missing.
        """
        used, names, missing, paired, expected = [], set(), [], 0, 0
        for entry in self.videos:
            video = self.read(entry)
            if safe_name(video.name) != video.name or video.name in names:
                raise DataError(f'{self.source}: two videos are called {video.name}. Give the folder of one of them.')
            names.add(video.name)
            if not video.frames:
                summary.warn('videos without frames, left out', video.name)
                continue
            used.append(entry)
            wanted = list(self.expected(video))
            expected += len(wanted)
            missing += [f'{video.name}/{frame}' for frame in wanted if frame not in video.labels]
            for stem in video.labels:
                if stem in video.frames:
                    paired += 1
                else:
                    summary.warn('annotations without frame, left out', f'{video.name}/{stem}')
        if not used or (expected and not paired):
            found = f'{len(used)} videos with frames and {paired} annotated frames'
            raise nothing_found(self.source, found, ('an annotation with the name of its frame',))
        judge(missing, expected, self.source, summary, 'annotation', partial, 'frames', '')
        return used


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
