"""Find the frames and annotations of videos in the layouts in circulation."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from salseg.datasets.pairing import by_stem, check_root, read_list
from salseg.datasets.reading import MASK_SUFFIXES
from salseg.errors import DataError

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
    names = list(names) if names is not None else _names(root, images)
    if not names:
        raise DataError(f'{root} holds no video: nothing matches {images}.')
    folder = (label_root or root) if labelled else None
    return [_video(root, folder, images, labels, name, gaps) for name in names]


def read_names(path: Path) -> list[str]:
    """Videos of a list file: one name a line; of DAVIS' lists of frame pairs the folder of the first path.

    Raises:
        DataError: The file is missing or empty.
    """
    names = []
    for line in read_list(path):
        first = line.split()[0].lstrip('*')
        names.append(Path(first).parent.name if first.startswith('/') else first)
    return list(dict.fromkeys(names))


def natural(stems: Sequence[str]) -> list[str]:
    """Frames in time: by text where all names are equally long, else by the numbers in them."""
    if len({len(stem) for stem in stems}) <= 1:
        return sorted(stems)
    return sorted(stems, key=lambda stem: [(int(p), '') if p.isdigit() else (-1, p) for p in re.split(r'(\d+)', stem)])


def _patterns(root: Path, layout: str | None, images: str | None, labels: str | None) -> tuple[str, str]:
    if layout is not None and layout not in LAYOUTS:
        raise DataError(
            f'unknown layout {layout!r}; expected one of {", ".join(LAYOUTS)}, or image_folder and label_folder.'
        )
    if images is not None:
        if '{video}' not in images or '{video}' not in (labels or '{video}'):
            raise DataError(f'image_folder={images!r} and label_folder={labels!r} must contain {{video}}.')
        return images, labels or LAYOUTS['davis'][1]
    with_frames = [LAYOUTS[name] for name in ([layout] if layout else LAYOUTS) if _names(root, LAYOUTS[name][0])]
    # Layouts may share the frames' folder and differ in the annotations' only.
    annotated = [pair for pair in with_frames if _names(root, pair[1])]
    if with_frames:
        pattern, own = (annotated or with_frames)[0]
        return pattern, labels or own
    there = ', '.join(sorted(p.name for p in root.iterdir())[:6]) or 'nothing'
    looked = ', '.join(pattern for pattern, _ in ([LAYOUTS[layout]] if layout else LAYOUTS.values()))
    raise DataError(f'{root} holds no video: looked for {looked}; found {there}. Name image_folder and label_folder.')


def _names(root: Path, pattern: str) -> list[str]:
    before, _, after = pattern.partition('{video}')
    top = root / before
    if not top.is_dir():
        return []
    folders = [p for p in top.iterdir() if p.is_dir() and not p.name.startswith('.')]
    found = [p.name for p in folders if not after.strip('/') or (p / after.strip('/')).is_dir()]
    # JPEGImages/480p is a resolution, not a video.
    return [] if found == ['480p'] else natural(found)


def _video(root: Path, label_root: Path | None, images: str, labels: str, name: str, gaps: str) -> Video:
    frames = by_stem(root / images.format(video=name))
    if not frames:
        raise DataError(f'{root / images.format(video=name)} holds no frame.')
    given: dict[str, Path] = {}
    if label_root is not None:
        given = by_stem(label_root / labels.format(video=name), MASK_SUFFIXES)
        orphans = [path for stem, path in given.items() if stem not in frames]
        if orphans:
            raise DataError(
                f'{orphans[0]} is an annotation without a frame ({len(orphans)} such files of {len(given)} in this '
                f'video); its frames are {next(iter(frames))} to {list(frames)[-1]}. Add the frame or remove the '
                'annotation.'
            )
    stems = natural(list(frames))
    if gaps == 'error':
        _check_gaps(root / images.format(video=name), stems)
    return Video(name, stems, [frames[stem] for stem in stems], [given.get(stem) for stem in stems])


def _check_gaps(folder: Path, stems: list[str]) -> None:
    usual, holes = frame_gaps(stems)
    if holes:
        raise DataError(
            f'{folder}: a frame is missing between {stems[holes[0]]} and {stems[holes[0] + 1]} (the others are {usual} '
            "apart). Add it, or set gaps='allow' if the video is meant to jump."
        )


def frame_gaps(stems: Sequence[str]) -> tuple[int, list[int]]:
    """Where the last number in the names of a video's frames leaves one out.

    Args:
        stems: In time.

    Returns:
        The commonest step from one number to the next, and the places of the names that a larger one follows; no place
        where fewer than three names are there or one has no number.
    """
    found = [re.search(r'(\d+)\D*$', stem) for stem in stems]
    if len(stems) < 3 or None in found:
        return 0, []
    numbers = [int(match.group(1)) for match in found]
    steps = [after - before for before, after in pairwise(numbers)]
    usual = Counter(steps).most_common(1)[0][0]
    return usual, [place for place, step in enumerate(steps) if step > usual > 0]
