"""Understand what a user names: images, folders, globs, groups, videos, cameras."""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from salseg.errors import DataError
from salseg.io.formats import IMAGE_SUFFIXES, is_image, is_video
from salseg.io.listing import by_stem, folders_in, is_stray
from salseg.io.lists import read_lines
from salseg.io.videos import FrameSource

Named = tuple[Path, Path]


def find_images(inputs: Iterable[str | Path], outside: Path | None = None, may_be_empty: bool = False) -> list[Named]:
    """Images with the relative name that their results get (without suffix).

    Files keep their stem; what is in a folder keeps its place below that folder.

    Args:
        inputs: Files, folders, patterns.
        outside: Folder whose images are left out: that of the results, if it is in a folder that was named.
        may_be_empty: Whether folders and globs may stand for nothing, as those that are watched.

    Raises:
        DataError: Something does not exist or holds no image, or two images would get the same name.
    """
    own = None if outside is None else outside.resolve()
    found = [pair for text in inputs for pair in _expand(str(text), own, may_be_empty)]
    names: dict[Path, Path] = {}
    for path, name in found:
        if name in names and names[name] != path:
            raise DataError(
                f'{names[name]} and {path} would both be written as {name}: give their common folder instead, or run twice '
                'with two --out.'
            )
        names[name] = path
    return [(path, name) for name, path in names.items()]


def _expand(text: str, own: Path | None, may_be_empty: bool) -> list[Named]:
    path = Path(text)
    if path.is_dir():
        files = [p for p in _files_below(path, own) if is_image(p)]
        if not files and not may_be_empty:
            raise DataError(f'{path} holds no image ({", ".join(IMAGE_SUFFIXES)}), in its sub-folders neither.')
        return [(p, p.relative_to(path).with_suffix('')) for p in files]
    if path.exists():
        return [(path, Path(path.stem))]
    matches = _matches(text)
    if matches or (may_be_empty and glob.has_magic(text)):
        return [(p, Path(p.stem)) for p in matches if not p.is_dir()]
    raise _nothing(text)


def _files_below(folder: Path, outside: Path | None = None) -> list[Path]:
    """Files in a folder and its sub-folders, without stray and hidden ones; links are followed, each folder once."""
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        here = Path(root)
        stat = here.stat()
        # A link to a folder above it would never end.
        if (stat.st_dev, stat.st_ino) in seen or here.resolve() == outside:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not is_stray(name))
        found += [here / name for name in files if not is_stray(name)]
    return sorted(found)


def unread_files(inputs: Iterable[str | Path], outside: Path | None = None, videos: bool = False) -> list[Path]:
    """Files in the folders that were named which are no images, so that they can be counted and named.

    Args:
        inputs: As :func:`find_images`.
        outside: Folder of the results.
        videos: Whether videos are read too.
    """
    own = None if outside is None else outside.resolve()
    files = [path for text in inputs if Path(text).is_dir() for path in _files_below(Path(text), own)]
    return [path for path in dict.fromkeys(files) if not is_image(path) and not (videos and is_video(path))]


def find_groups(inputs: Iterable[str | Path]) -> list[tuple[str, list[Path]]]:
    """Groups by name: a folder of images is a group, of a folder of folders each is one, and so are single images.

    Raises:
        DataError: Something does not exist or holds no image, or two groups have the same name.
    """
    groups: dict[str, list[Path]] = {}
    images: list[Path] = []
    for path in _existing(inputs):
        if path.is_dir():
            for name, files in _groups_of(path):
                if name in groups:
                    raise DataError(f'two groups are called {name!r}; rename a folder, or run twice with two --out.')
                groups[name] = files
        elif is_image(path):
            images.append(path)
        else:
            raise DataError(
                f'{path} is a file and no image; a group is a folder with the images that have something in common.'
            )
    if images:
        groups |= _group_of_files(images, groups)
    return list(groups.items())


def _group_of_files(images: Sequence[Path], others: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Images that were named one by one, by a shell's pattern mostly, are one group."""
    folders = {path.resolve().parent for path in images}
    stems: dict[str, Path] = {}
    for path in dict.fromkeys(images):
        if stems.setdefault(path.stem, path) != path:
            raise DataError(
                f'{stems[path.stem]} and {path} would be one result: images of a group need names of their own.'
            )
    name = folders.pop().name if len(folders) == 1 else 'group'
    if name in others:
        raise DataError(f'two groups are called {name!r}; give folders, or run twice with two --out.')
    return {name: sorted(stems.values())}


def _groups_of(folder: Path) -> list[tuple[str, list[Path]]]:
    own = _images_in(folder)
    if own:
        return [(folder.resolve().name, own)]
    found = [(path.name, _images_in(path)) for path in folders_in(folder)]
    found = [(name, files) for name, files in found if files]
    if not found:
        raise DataError(f'{folder} holds no image, and no folder with images; a group is a folder of images.')
    return found


def find_clips(inputs: Iterable[str | Path]) -> list[tuple[str, FrameSource]]:
    """Videos by name, for a model on clips.

    A video file, a camera index, a folder of frames, a folder of such folders or of video files, or frames that are
    named one by one, by a shell's pattern mostly.

    Raises:
        DataError: Something does not exist or holds no frame, or two videos have the same name.
    """
    words = [str(text) for text in inputs]
    found: list[tuple[str, FrameSource]] = [(f'camera{w}', FrameSource(int(w))) for w in words if is_camera(w)]
    frames: list[Path] = []
    for path in _existing(w for w in words if not is_camera(w)):
        if path.is_dir():
            found += _clips_of(path)
        elif is_image(path):
            frames.append(path)
        else:
            found.append((path.stem, FrameSource(path)))
    if frames:
        found.append((frames[0].resolve().parent.name, FrameSource(frames)))
    names = [name for name, _ in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise DataError(f'two videos are called {double!r}; rename one, or run twice with two --out.')
    return found


def _clips_of(folder: Path) -> list[tuple[str, FrameSource]]:
    if _images_in(folder):
        return [(folder.resolve().name, FrameSource(folder))]
    videos = _videos_in(folder)
    below = [path for path in folders_in(folder) if _images_in(path)]
    if not videos and not below:
        raise DataError(f'{folder} holds no image, no video, and no folder of images; expected the frames of a video.')
    return [(path.stem if path in videos else path.name, FrameSource(path)) for path in [*below, *videos]]


def find_videos(source: str | Path) -> dict[str, Path]:
    """Videos by name, where a word stands for several: a folder of video files or of folders of frames, or a list.

    A list is a text file (.txt) with a path in each line, relative to the list's folder.

    Returns:
        Empty where it stands for one video, or a camera.

    Raises:
        DataError: The list cannot be read or is empty, or two videos have the same name.
    """
    path = Path(source)
    if path.suffix.lower() == '.txt' and path.is_file():
        files = [path.parent / line for line in read_lines(path)]
        if not files:
            raise DataError(f'the list {path} is empty; expected the path of a video in each line.')
    elif path.is_dir() and not _images_in(path):
        files = [*(below for below in folders_in(path) if _images_in(below)), *_videos_in(path)]
    else:
        return {}
    names = [file.stem if is_video(file) else file.name for file in files]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise DataError(f'two videos are called {double!r}, and their results would be too; rename one.')
    return dict(zip(names, files))


def split_videos(inputs: Iterable[str | Path]) -> tuple[list[str], list[str]]:
    """What stands for images, and video files and cameras, of inputs of a model on single images.

    A folder that holds no image but videos stands for those.

    Raises:
        DataError: Something does not exist.
    """
    images: list[str] = []
    videos: list[str] = []
    for word in map(str, inputs):
        path = Path(word)
        if is_camera(word) or (not path.is_dir() and path.exists() and is_video(path)):
            videos.append(word)
        elif path.is_dir() and not _holds_image(path):
            inside = [str(p) for p in _videos_in(path)]
            videos += inside
            images += [] if inside else [word]
        elif glob.has_magic(word) and not path.exists():
            matched = [str(p) for p in _matches(word) if is_video(p)]
            videos += matched
            images += [] if matched else [word]
        else:
            images.append(word)
    return images, videos


def is_camera(text: str) -> bool:
    """Whether a word is the camera index: digits, and no file or folder is called so."""
    return text.isdigit() and not Path(text).exists()


def _holds_image(folder: Path) -> bool:
    return any(is_image(path) for path in _files_below(folder))


def _images_in(folder: Path) -> list[Path]:
    return [path for path in by_stem(folder).values() if is_image(path)]


def _videos_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if is_video(path) and not is_stray(path)]


def _matches(pattern: str) -> list[Path]:
    return [Path(p) for p in sorted(glob.glob(pattern, recursive=True))]


def _existing(inputs: Iterable[str | Path]) -> list[Path]:
    """Files and folders, with patterns replaced by what they match."""
    found: list[Path] = []
    for text in inputs:
        matches = [Path(text)] if Path(text).exists() else _matches(str(text))
        if not matches:
            raise _nothing(str(text))
        found += matches
    return list(dict.fromkeys(found))


def _nothing(text: str) -> DataError:
    return DataError(f'the input {text} does not exist; it is no file, no folder, and no pattern that matches one.')
