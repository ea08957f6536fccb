"""Videos of any layout as ``JPEGImages/<video>/`` and ``Annotations/<video>/``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey, write_ids
from salseg.datasets.checking import find_plan
from salseg.datasets.reading import UNKNOWN, read_grey, read_mask
from salseg.datasets.video_layout import find_videos, read_names
from salseg.errors import DataError
from salseg.files import write_text


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
                write_ids(target, lambda p=label: read_mask(p, 'index'))
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
    """All objects of a label file as (H, W) uint8 of 0 and 255.

    Ids count wherever they are not 0 and, beside other ids, not 255 (unknown); masks of 0..255 are cut at half scale.
    """
    values = read_grey(path, 'index')
    highest = int(values.max(initial=0))
    present = np.unique(values)
    if highest < UNKNOWN and len(present) <= 40:
        return (values > 0) * np.uint8(255)
    if highest == UNKNOWN and 2 < len(present) <= 40 and present[-2] <= 40:
        return ((values > 0) & (values < UNKNOWN)) * np.uint8(255)
    return (values >= 128) * np.uint8(255)
