"""Folders of the data sets of video object segmentation, read into one kind of record."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salseg.errors import DataError
from salseg.io.listing import by_stem, folders_in
from salseg.io.lists import read_names

# Encodings of annotations that hold objects.
ENCODINGS = ('index', 'binary', 'union')


@dataclass(frozen=True)
class PromptedVideo:
    """One video.

    Attributes:
        name: Of the video.
        frames: Names of its frames, in order, from the first prompt on.
        images: Images by frame.
        labels: Annotation by frame: a label PNG, or one binary file per object, whose ids are then 1, 2, ...
        prompts: Ids given by frame; None stands for all that the file holds.
        saved: Frames whose answer belongs to the result; None for all.
        encoding: Of the annotations, one of ``ENCODINGS``.
    """

    name: str
    frames: tuple[str, ...]
    images: dict[str, Path]
    labels: dict[str, tuple[Path, ...]]
    prompts: dict[str, tuple[int, ...] | None]
    saved: frozenset[str] | None = None
    encoding: str = 'index'

    def __post_init__(self) -> None:
        if not self.frames:
            raise DataError(f'the video {self.name} has no frame from its first prompt on.')


@dataclass
class Layout:
    """Where a data set's tree keeps what, and how its videos are read."""

    read: Callable[..., list[PromptedVideo]]
    options: tuple[str, ...] = field(default=())


def davis(root: Path, list_file: str | None, resolution: str = '480p') -> list[PromptedVideo]:
    """DAVIS 2016 and 2017: the first frame's mask is the prompt.

    Args:
        root: Holds ``JPEGImages/<resolution>``, ``Annotations/<resolution>``.
        list_file: Names of videos, or, in the 2016 release, pairs of paths.
        resolution: '480p', '1080p' or 'Full-Resolution'.
    """
    return _plain(root, f'JPEGImages/{resolution}', f'Annotations/{resolution}', list_file)


def folders(root: Path, list_file: str | None) -> list[PromptedVideo]:
    """``JPEGImages/<video>``, ``Annotations/<video>``: MOSE, Long-Time Video, PUMaVOS, own data.

    The first annotation is the prompt; frames before it are left out.
    """
    return _plain(root, 'JPEGImages', 'Annotations', list_file)


def long_time(root: Path, list_file: str | None) -> list[PromptedVideo]:
    """Long-Time Video: as `folders`; only annotated frames belong to the result."""
    videos = folders(root, list_file)
    return [PromptedVideo(**{**vars(video), 'saved': frozenset(video.labels)}) for video in videos]


def youtube_vos(root: Path, list_file: str | None, all_frames: str | None = None) -> list[PromptedVideo]:
    """YouTube-VOS: an object is given in the first of its frames in ``meta.json``; required frames are saved.

    Args:
        root: Holds ``JPEGImages``, ``Annotations`` and ``meta.json``.
        list_file: Names of videos; all of ``meta.json`` by default.
        all_frames: Folder of ``JPEGImages`` with every frame, instead of every fifth.

    Raises:
        DataError: ``meta.json`` is missing or broken.
    """
    try:
        meta = json.loads((root / 'meta.json').read_text(encoding='utf-8'))['videos']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{root / "meta.json"} cannot be read as that of YouTube-VOS: {error!r}.') from error
    names = _names(root, list_file, meta) or sorted(meta)
    image_folder = Path(all_frames) if all_frames else root / 'JPEGImages'
    found = []
    for name in names:
        if name not in meta:
            raise DataError(f'{root / "meta.json"} has no video {name!r}; it has {len(meta)} others.')
        given: dict[str, list[int]] = {}
        for index, entry in meta[name]['objects'].items():
            given.setdefault(entry['frames'][0], []).append(int(index))
        required = frozenset(frame for entry in meta[name]['objects'].values() for frame in entry['frames'])
        images = by_stem(image_folder / name)
        masks = by_stem(root / 'Annotations' / name, ('.png',))
        labels: dict[str, tuple[Path, ...]] = {frame: (path,) for frame, path in masks.items()}
        missing = sorted(frame for frame in given if frame not in labels or frame not in images)
        if missing:
            raise DataError(f'{name}: meta.json gives objects in frame {missing[0]}, whose image or mask is missing.')
        frames = _from(images, min(given, key=list(images).index))
        prompts: dict[str, tuple[int, ...] | None] = {frame: tuple(sorted(given[frame])) for frame in sorted(given)}
        found.append(PromptedVideo(name, frames, images, labels, prompts, required))
    return found


def segtrack(root: Path, list_file: str | None) -> list[PromptedVideo]:
    """SegTrack-v2: a binary file per frame, in a folder per object where there are several."""
    found = []
    there = _folders_of(root / 'JPEGImages')
    for name in _names(root, list_file, there) or there:
        images = by_stem(root / 'JPEGImages' / name)
        truth = root / 'GroundTruth' / name
        parts = [p for p in folders_in(truth) if p.name.isdigit()]
        masks = [by_stem(part) for part in parts or [truth]]
        labels = {frame: tuple(m[frame] for m in masks) for frame in images if all(frame in m for m in masks)}
        found.append(_from_first(name, images, labels, 'binary'))
    return found


LAYOUTS = {
    'davis': Layout(davis, ('resolution',)),
    'folders': Layout(folders),
    'long_time': Layout(long_time),
    'youtube_vos': Layout(youtube_vos, ('all_frames',)),
    'segtrack': Layout(segtrack),
}


def checked_options(layout: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Further options of a layout.

    Raises:
        DataError: The layout has no such option.
    """
    options = dict(options or {})
    wrong = [key for key in options if key not in LAYOUTS[layout].options]
    if wrong:
        known = ', '.join(LAYOUTS[layout].options) or 'none'
        raise DataError(f'layout_options: the layout {layout!r} has no option {wrong[0]!r}; it has: {known}.')
    return options


def check_prompt_encoding(encoding: str | None) -> None:
    """Refuse an encoding that holds no objects.

    Raises:
        DataError: It does not.
    """
    if encoding not in (None, *ENCODINGS):
        raise DataError(f'encoding={encoding!r}; expected one of {", ".join(ENCODINGS)} for videos of objects.')


def _plain(root: Path, images: str, labels: str, list_file: str | None) -> list[PromptedVideo]:
    there = _folders_of(root / images)
    found = []
    for name in _names(root, list_file, there) or there:
        masks = by_stem(root / labels / name, ('.png',))
        annotated: dict[str, tuple[Path, ...]] = {frame: (path,) for frame, path in masks.items()}
        found.append(_from_first(name, by_stem(root / images / name), annotated, 'index'))
    return found


def _from_first(
    name: str, images: dict[str, Path], labels: dict[str, tuple[Path, ...]], encoding: str
) -> PromptedVideo:
    known = [frame for frame in images if frame in labels]
    if not known:
        raise DataError(f'{name} has {len(images)} frames and {len(labels)} annotations, but no name in common.')
    return PromptedVideo(name, _from(images, known[0]), images, labels, {known[0]: None}, None, encoding)


def _from(images: Mapping[str, Path], first: str) -> tuple[str, ...]:
    """Frames from one on."""
    frames = list(images)
    return tuple(frames[frames.index(first) :])


def _names(root: Path, list_file: str | None, known: Collection[str] = ()) -> list[str] | None:
    """Videos of a list; None where there is none. See :func:`salseg.io.lists.read_names`."""
    if list_file is None:
        return None
    return read_names(root / list_file, known)


def _folders_of(root: Path) -> list[str]:
    if not root.is_dir():
        raise DataError(f'the folder {root} does not exist; expected one sub-folder per video in it.')
    return [path.name for path in folders_in(root)]
