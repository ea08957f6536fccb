"""Videos of any layout as ``JPEGImages/<video>/`` and ``Annotations/<video>/``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey, write_ids
from salseg.datasets.checking import find_plan
from salseg.datasets.video_layout import find_videos
from salseg.errors import DataError, LabelError
from salseg.io.annotations import read_annotation
from salseg.io.files import write_text
from salseg.io.lists import read_names


def convert_videos(
    source: Path,
    out: Path,
    masks: str = 'union',
    layout: str | None = None,
    images: str | None = None,
    labels: str | None = None,
    lists: Sequence[Path] = (),
    names: Sequence[str] | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """DAVIS, VOS, DAVSOD, ViSal, YouTube-Objects, ... ; frames without annotation stay without.

    Args:
        source: Folder of the set.
        out: Folder to write.
        masks: 'union', all objects of a frame together as 0 and 255, for video saliency and DAVIS 2016; 'ids', palette
            PNGs.
        layout: Key of the loaders' layouts; found out by default.
        images, labels: Folders of a video, ``{video}`` in them, where no layout fits.
        lists: Lists of the release; written as one name a line to ``ImageSets/``.
        names: Videos to take; by default those of the lists, or all.
        how: 'copy', 'hardlink' or 'symlink' frames.
        progress: Told how many videos are done.

    Raises:
        DataError: The layout is unknown, a frame or partner is missing, or files hold something else.
    """
    separate(source, out)
    if masks not in ('union', 'ids'):
        raise DataError(f"--masks {masks!r}; expected 'union' or 'ids'.")
    named = {path.stem: read_names(path) for path in lists}
    if names is None and named:
        names = list(dict.fromkeys(name for members in named.values() for name in members))
    if layout is None and images is None:
        # Frames alone do not tell the layouts apart that differ in the annotations' folder.
        plan = find_plan(source, 'vsod')
        (found,) = plan.labels.values()
        images, labels = (folder.replace('{}', '{video}') for folder in (plan.images, found))
    videos = find_videos(source, layout, images, labels, names=names, gaps='allow')
    summary = Summary(out)
    for video in with_progress(videos, progress):
        for stem, frame, label in zip(video.stems, video.frames, video.labels):
            take(frame, out / 'JPEGImages' / video.name / frame.name, how)
            summary.count('frames')
            if label is None:
                continue
            target = out / 'Annotations' / video.name / f'{stem}.png'
            if masks == 'ids':
                write_ids(target, lambda p=label: read_annotation(p, 'index'))
            else:
                write_grey(target, lambda p=label: united(p))
            summary.count('annotations')
        summary.count('videos')
        if not video.labelled:
            summary.note('videos without annotation', video.name)
    for name, members in named.items():
        write_text(out / 'ImageSets' / f'{name}.txt', ''.join(f'{member}\n' for member in members))
    return summary


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
