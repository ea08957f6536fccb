"""Find the frames and annotations of videos in the layouts in circulation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.listing import by_stem, check_root, folders_in, missing_numbers

# Folder of the frames and folder of the annotations of one video: DAVIS and its relatives, the benchmark of DAVSOD's
# authors, copies that carry optical flow.
LAYOUTS = {
    'davis-480p': ('JPEGImages/480p/{video}', 'Annotations/480p/{video}'),
    'davis': ('JPEGImages/{video}', 'Annotations/{video}'),
    'unified': ('{video}/Imgs', '{video}/ground-truth'),
    'davsod': ('{video}/Imgs', '{video}/GT_object_level'),
    'flow-ready': ('{video}/Frame', '{video}/GT'),
}


@dataclass(frozen=True)
class Video:
    """Files of one video.

    Attributes:
        name: As in the list.
        stems: Of the frames, in time.
        frames: Their files.
        labels: Annotation of each frame, or None.
    """

    name: str
    stems: list[str]
    frames: list[Path]
    labels: list[Path | None]

    @property
    def labelled(self) -> list[int]:
        """Indices of the annotated frames."""
        return [index for index, path in enumerate(self.labels) if path is not None]


def find_videos(
    root: Path,
    layout: str | None = None,
    image_folder: str | None = None,
    label_folder: str | None = None,
    label_root: Path | None = None,
    names: Sequence[str] | None = None,
    labelled: bool = True,
    gaps: str = 'error',
) -> list[Video]:
    """Videos of a data set.

    Args:
        root: Folder of the data set.
        layout: Key of ``LAYOUTS``; by default the first whose folders exist, preferably those of the annotations too.
        image_folder, label_folder: Patterns with ``{video}`` that take the layout's place.
        label_root: Folder of the annotations where they lie apart from the frames.
        names: Videos to take; all by default.
        labelled: Whether annotations are looked for.
        gaps: What a number missing in the middle of a video's frames means: 'error' or 'allow'.

    Raises:
        DataError: A folder is missing, an annotation has no frame, a frame is missing, or no video is left.
    """
    check_root(root)
    images, labels = _patterns(root, layout, image_folder, label_folder)
    names = list(names) if names is not None else video_folders(root, images)
    if not names:
        raise DataError(f'{root} holds no video: nothing matches {images}.')
    folder = (label_root or root) if labelled else None
    return [_video(root, folder, images, labels, name, gaps) for name in names]


def _patterns(root: Path, layout: str | None, images: str | None, labels: str | None) -> tuple[str, str]:
    if layout is not None and layout not in LAYOUTS:
        raise DataError(
            f'unknown layout {layout!r}; expected one of {", ".join(LAYOUTS)}, or image_folder and label_folder.'
        )
    if images is not None:
        if '{video}' not in images or '{video}' not in (labels or '{video}'):
            raise DataError(f'image_folder={images!r} and label_folder={labels!r} must contain {{video}}.')
        return images, labels or LAYOUTS['davis'][1]
    with_frames = [LAYOUTS[name] for name in ([layout] if layout else LAYOUTS) if video_folders(root, LAYOUTS[name][0])]
    # Layouts may share the frames' folder and differ in the annotations' only.
    annotated = [pair for pair in with_frames if video_folders(root, pair[1])]
    if with_frames:
        pattern, own = (annotated or with_frames)[0]
        return pattern, labels or own
    there = ', '.join(sorted(p.name for p in root.iterdir())[:6]) or 'nothing'
    looked = ', '.join(pattern for pattern, _ in ([LAYOUTS[layout]] if layout else LAYOUTS.values()))
    raise DataError(f'{root} holds no video: looked for {looked}; found {there}. Name image_folder and label_folder.')


def known_videos(root: Path, layout: str | None = None, image_folder: str | None = None) -> list[str]:
    """Videos whose frames are there, in natural order; none where the layout is wrong, which :func:`find_videos` tells."""
    if image_folder is not None:
        return video_folders(root, image_folder)
    layouts = [LAYOUTS[layout]] if layout in LAYOUTS else LAYOUTS.values()
    return next((found for images, _ in layouts if (found := video_folders(root, images))), [])


def video_folders(root: Path, pattern: str) -> list[str]:
    """What ``{video}`` may stand for: folders in natural order."""
    before, _, after = pattern.partition('{video}')
    top = root / before
    if not top.is_dir():
        return []
    found = [p.name for p in folders_in(top) if not after.strip('/') or (p / after.strip('/')).is_dir()]
    # JPEGImages/480p is a resolution, not a video.
    return [] if found == ['480p'] else found


def _video(root: Path, label_root: Path | None, images: str, labels: str, name: str, gaps: str) -> Video:
    frames = by_stem(root / images.format(video=name))
    if not frames:
        raise DataError(f'{root / images.format(video=name)} holds no frame.')
    given: dict[str, Path] = {}
    if label_root is not None:
        given = by_stem(label_root / labels.format(video=name), LABEL_SUFFIXES)
        orphans = [path for stem, path in given.items() if stem not in frames]
        if orphans:
            raise DataError(
                f'{orphans[0]} is an annotation without a frame ({len(orphans)} such files of {len(given)} in this '
                f'video); its frames are {next(iter(frames))} to {list(frames)[-1]}. Add the frame or remove the '
                'annotation.'
            )
    stems = list(frames)
    if gaps == 'error':
        _check_gaps(root / images.format(video=name), stems)
    return Video(name, stems, [frames[stem] for stem in stems], [given.get(stem) for stem in stems])


def _check_gaps(folder: Path, stems: list[str]) -> None:
    gaps = missing_numbers(stems)
    if gaps:
        raise DataError(
            f'{folder}: a frame is missing between {gaps[0].before} and {gaps[0].after} (the others are {gaps[0].step} '
            "apart). Add it, or set gaps='allow' if the video is meant to jump."
        )
