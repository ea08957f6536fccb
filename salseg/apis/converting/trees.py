"""Where a release keeps what: folders around it, spellings of its folders, its videos in any layout in circulation."""

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from salseg.apis.converting.pairing import nothing_found
from salseg.errors import DataError, missing_folder
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import is_stray, natural_key

# Folders around a release, a folder of its splits and one of a part of it.
_DEPTH = 7
FRAMES = ('JPEGImages',)
ANNOTATIONS = ('Annotations', 'GroundTruth')
# Folders inside a video's folder: of the saliency benchmarks, and of copies that carry flow.
OWN_FRAMES = ('Imgs', 'Frame')
OWN_ANNOTATIONS = ('GT_object_level', 'ground-truth', 'GT', 'GroundTruth')
RESOLUTIONS = ('480p', '1080p', 'Full-Resolution')


@dataclass(frozen=True)
class VideoFolders:
    """Folders of one video.

    Attributes:
        name: Of the video.
        frames: Folder of its frames.
        labels: Folder of its annotations, None if there is none.
        above: Names of the folders between the source and the video, which tell its split.
    """

    name: str
    frames: Path
    labels: Path | None
    above: tuple[str, ...] = ()


def sub_folders(folder: Path) -> list[Path]:
    """Sub-folders in natural order, without stray ones; fast where a folder holds many files."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_stray(entry.name) and entry.is_dir()]
    return [folder / name for name in sorted(names, key=natural_key)]


def child(folder: Path, names: Sequence[str]) -> Path | None:
    """The sub-folder of the first name that is there, upper and lower case alike."""
    there = {path.name.lower(): path for path in reversed(sub_folders(folder))}
    return next((there[name.lower()] for name in names if name.lower() in there), None)


def holds_images(folder: Path) -> bool:
    """Whether a folder itself holds an image."""
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(tuple(IMAGE_SUFFIXES)) and not is_stray(entry.name) for entry in entries)


def walk(source: Path, ends: Collection[str] = (), depth: int = _DEPTH) -> Iterator[Path]:
    """The source and the folders in it, from the top down; nothing below folders that hold one of ``ends``.

    Raises:
        DataError: The source does not exist.
    """
    if not source.is_dir():
        raise missing_folder(source)
    level = [source]
    for _ in range(depth):
        below: list[Path] = []
        for folder in level:
            inside = sub_folders(folder)
            yield folder
            if not {path.name.lower() for path in inside} & {end.lower() for end in ends}:
                below += inside
        level = below


def find_roots(source: Path, names: Sequence[str] = FRAMES) -> list[Path]:
    """Folders that hold a sub-folder of one of some names, whatever lies around them."""
    return [folder for folder in walk(source, names) if child(folder, names) is not None]


def find_video_folders(
    source: Path,
    images: str | None = None,
    masks: str | None = None,
    resolution: str = RESOLUTIONS[0],
    annotations: Sequence[str] = ANNOTATIONS,
) -> list[VideoFolders]:
    """Videos of a release, in any layout: ``JPEGImages/[480p/]<video>``, ``<video>/Imgs``, ``<video>/Frame``.

    Args:
        source: The release as it was unpacked.
        images, masks: Folders of a video where no layout fits, ``{video}`` in them.
        resolution: Of DAVIS, where there are several.
        annotations: Names of the folder beside ``JPEGImages``.

    Raises:
        DataError: No video is there, or a pattern lacks ``{video}``.
    """
    if images is not None or masks is not None:
        found = _by_pattern(source, images, masks)
    else:
        found = []
        for folder in walk(source, (*FRAMES, *OWN_FRAMES)):
            if (frames := child(folder, FRAMES)) is not None:
                above = folder.relative_to(source).parts
                found += _beside(frames, child(folder, annotations), resolution, above)
            elif (frames := child(folder, OWN_FRAMES)) is not None:
                above = folder.parent.relative_to(source).parts if folder != source else ()
                found.append(VideoFolders(folder.name, frames, child(folder, OWN_ANNOTATIONS), above))
    if not found:
        patterns = [images] if images else ['JPEGImages/VIDEO', *(f'VIDEO/{name}' for name in OWN_FRAMES)]
        raise nothing_found(source, 'no video', patterns)
    return found


def _beside(frames: Path, labels: Path | None, resolution: str, above: tuple[str, ...]) -> list[VideoFolders]:
    frames, labels = at_resolution(frames, resolution), labels and at_resolution(labels, resolution)
    there = {path.name: path for path in sub_folders(labels)} if labels else {}
    return [VideoFolders(path.name, path, there.get(path.name), above) for path in sub_folders(frames)]


def at_resolution(folder: Path, resolution: str) -> Path:
    """The sub-folder of a resolution, or the folder itself where it holds no resolutions.

    Raises:
        DataError: It holds others.
    """
    known = {name.lower() for name in RESOLUTIONS}
    there = [path.name for path in sub_folders(folder) if path.name.lower() in known]
    if not there:
        return folder
    found = child(folder, (resolution,))
    if found is None:
        raise DataError(f'{folder} holds no {resolution}, but {", ".join(there)}. Name one: --resolution.')
    return found


def _by_pattern(source: Path, images: str | None, masks: str | None) -> list[VideoFolders]:
    if not images or not masks or '{video}' not in images or '{video}' not in masks:
        raise DataError(
            f'--images {images} and --masks {masks}: name both folders of a video, with {{video}} in them, as in '
            '--images JPEGImages/{video} --masks Annotations/{video}.'
        )
    before, _, after = images.partition('{video}')
    if not (source / before).is_dir():
        raise missing_folder(source / before)
    found = []
    for folder in sub_folders(source / before):
        frames, labels = folder / after.strip('/'), source / masks.format(video=folder.name)
        if frames.is_dir():
            found.append(VideoFolders(folder.name, frames, labels if labels.is_dir() else None))
    return found


def split_of(above: Sequence[str], splits: dict[str, tuple[str, ...]]) -> str | None:
    """The split that the folders above a video name, the innermost first.

    Args:
        above: Names of folders.
        splits: Beginnings of folder names, by split.
    """
    for name in reversed(above):
        for split, beginnings in splits.items():
            if name.lower().startswith(beginnings):
                return split
    return None
