"""Video saliency sets: VOS, ViSal, DAVSOD, SegTrack-v2, and others of their layouts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, write_ids
from salseg.apis.converting.trees import VideoFolders, child, find_video_folders, split_of, sub_folders, walk
from salseg.apis.converting.writing_videos import (
    Expected,
    Listed,
    Videos,
    chosen,
    every_fifteenth,
    every_frame,
    read_lists,
    some_frame,
)
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.listing import by_stem
from salseg.io.lists import read_names
from salseg.io.values import read_values

DENSITIES: dict[str, Expected] = {'all': every_frame, 'some': some_frame, 'every 15th': every_fifteenth}
_SPLITS: dict[str, tuple[str, ...]] = {
    'train': ('train',),
    'val': ('val',),
    'test': ('test', 'easy', 'normal', 'difficult'),
}
_DIFFICULTIES: dict[str, tuple[str, ...]] = {'easy': ('easy',), 'normal': ('normal',), 'difficult': ('difficult',)}


def convert_videos(
    source: Path,
    out: Path,
    density: str = 'some',
    images: str | None = None,
    masks: str | None = None,
    lists: Sequence[Path] = (),
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """VOS, ViSal, and other sets of a folder per video; masks become 0 and 255, frames without one stay without.

    Args:
        source: The release as it was unpacked.
        out: Folder to write.
        density: Which frames the release annotates: 'all', 'some', or 'every 15th', as VOS does.
        images, masks: Folders of a video, ``{video}`` in them, where no layout fits.
        lists: Splits; written as one name a line to ``ImageSets/``. By default the release's own.
        partial: Take what is there, however many annotations are missing.
        how: 'copy', 'hardlink' or 'symlink' frames.
        progress: Told how many videos are done.

    Raises:
        DataError: No video or no annotation is there, or most annotations are missing.
    """
    separate(source, out)
    found = find_video_folders(source, images, masks)
    named = read_lists(lists or _own_lists(source), {video.name for video in found})
    summary = Summary(out)
    note_guess(summary, found, source, images)
    # The release's own lists may leave videos out; those that a user names are the wish for these videos.
    wanted = chosen(found, named) if lists else found
    videos = Videos(source, wanted, expected=DENSITIES[density], lists=named)
    videos.write_to(out, summary, how, progress, partial)
    return summary


def _own_lists(source: Path) -> list[Path]:
    """Splits that lie beside the frames; other files there, as lists of frames, are not taken."""
    names = ('train', 'val', 'test')
    folder = next((found for path in walk(source, ('JPEGImages',)) if (found := child(path, ('ImageSets',)))), None)
    return [] if folder is None else [folder / f'{name}.txt' for name in names if (folder / f'{name}.txt').is_file()]


def note_guess(summary: Summary, videos: Sequence[VideoFolders], source: Path, given: str | None) -> None:
    """Say which folders were taken where no pattern was given and layouts in circulation differ."""
    known = next((video for video in videos if video.labels is not None), None)
    if given is None and known is not None and known.labels is not None:
        places = (str(path.relative_to(source)) for path in (known.frames, known.labels))
        summary.note('folders taken, the first video (others: --images, --masks)', ' and '.join(places))


def convert_davsod(
    source: Path,
    out: Path,
    images: str | None = None,
    masks: str | None = None,
    lists: Sequence[Path] = (),
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """DAVSOD at object level. Its splits are folders; ``test.txt`` has the three test sets, which have lists of their own.

    Args:
        source: The release, one of its splits or the folder around them.
        out, images, masks, lists, partial, how, progress: See `convert_videos`.

    Raises:
        DataError: As `convert_videos` does.
    """
    separate(source, out)
    found = find_video_folders(source, images, masks)
    named: dict[str, list[str]] = read_lists(lists, {video.name for video in found})
    if not lists:
        for splits in (_SPLITS, _DIFFICULTIES):
            for video in found:
                split = split_of((source.name, *video.above), splits)
                if split is not None:
                    named.setdefault(split, []).append(video.name)
    summary = Summary(out)
    if not named:
        summary.warn('no folder is called after a split, and no list is written; name lists with --lists', str(source))
    note_guess(summary, found, source, images)
    videos = chosen(found, named) if lists else found
    Videos(source, videos, lists=named).write_to(out, summary, how, progress, partial)
    return summary


def convert_segtrack(
    source: Path,
    out: Path,
    images: str | None = None,
    masks: str | None = None,
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """SegTrack-v2: binary masks, in a folder per object where there are several, become ids 1..K; later objects win.

    Where a single-object copy says so the only id is 1. A frame counts as annotated if all its objects are.

    Args:
        source: Folder with ``JPEGImages`` and ``GroundTruth``, or the one around it.
        out, images, masks, partial, how, progress: See `convert_videos`.

    Raises:
        DataError: As `convert_videos` does.
    """
    separate(source, out)
    found = find_video_folders(source, images, masks, annotations=('GroundTruth', 'Annotations'))
    summary = Summary(out)
    _check_segtrack_list(source, {video.name for video in found}, summary)
    Videos(source, found, _segtrack_video, _write_objects).write_to(out, summary, how, progress, partial)
    return summary


def _check_segtrack_list(source: Path, present: set[str], summary: Summary) -> None:
    for folder in walk(source, ('JPEGImages',)):
        lists = child(folder, ('ImageSets',))
        if lists is not None and (lists / 'all.txt').is_file():
            for name in read_names(lists / 'all.txt', present):
                if name not in present:
                    summary.warn('videos of all.txt that are not there', name)
            return


def _segtrack_video(folders: VideoFolders) -> Listed:
    frames = by_stem(folders.frames)
    if folders.labels is None:
        return Listed(folders.name, frames, {})
    parts = [path for path in sub_folders(folders.labels) if path.name.isdigit()]
    objects = {int(part.name): by_stem(part, LABEL_SUFFIXES) for part in parts}
    objects = objects or {1: by_stem(folders.labels, LABEL_SUFFIXES)}
    stems = dict.fromkeys(stem for files in objects.values() for stem in files)
    labels = {
        stem: tuple((number, files[stem]) for number, files in objects.items())
        for stem in stems
        if all(stem in files for files in objects.values())
    }
    return Listed(folders.name, frames, labels)


def _write_objects(files: Sequence[tuple[int, Path]], target: Path, how: str) -> None:
    write_ids(target, _objects, files)


def _objects(files: Sequence[tuple[int, Path]]) -> np.ndarray:
    """Ids of binary files, of which later ones win; a palette file holds ids itself."""
    labels: np.ndarray | None = None
    for number, path in files:
        values = read_values(path)
        if values.palette and len(files) == 1 and any(0 < value < 255 for value in values.present):
            return values.raw.astype(np.uint8)
        # Whatever is not black is the object; compression leaves more than that.
        full = 255 if values.grey.max(initial=0) <= 255 else 65535
        inside = values.grey > (full / 2 if values.lossy else 0)
        labels = np.zeros(inside.shape, np.uint8) if labels is None else labels
        labels[inside] = number
    return np.zeros((0, 0), np.uint8) if labels is None else labels
