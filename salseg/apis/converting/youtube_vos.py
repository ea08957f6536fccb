"""YouTube-VOS at 480 pixels, as trackers train on it."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from salseg.apis.converting.files import Progress, Summary, separate, with_progress
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.files import replacing, write_text
from salseg.io.listing import by_stem, folders_in
from salseg.visualization import write_label_png


def shrink_youtube_vos(
    source: Path, out: Path, size: int = 480, keep_empty: bool = False, progress: Progress = None
) -> Summary:
    """Resize a split so that the shorter side has ``size`` pixels: images bicubic, ids by nearest neighbour.

    Both sides are the old ones times ``size / shorter side``, cut to whole numbers, as in XMem's released script; small
    videos become larger. Training videos whose first annotation is empty are left out of ``train.txt`` and noted.

    Args:
        source: Folder with ``JPEGImages``, ``Annotations`` and, usually, ``meta.json``.
        out: Folder to write.
        size: Shorter side in pixels.
        keep_empty: List videos with an empty first annotation too.
        progress: Told how many videos are done.

    Raises:
        DataError: A folder is missing or a file cannot be read.
    """
    separate(source, out)
    if size < 1 or not (source / 'JPEGImages').is_dir() or not (source / 'Annotations').is_dir():
        raise DataError(f'{source} must hold JPEGImages and Annotations, and --size ({size}) be at least 1.')
    summary, used = Summary(out), []
    for folder in with_progress(folders_in(source / 'JPEGImages'), progress):
        for stem, path in by_stem(folder).items():
            _write_frame(path, out / 'JPEGImages' / folder.name / f'{stem}.jpg', size)
            summary.count('frames')
        labels = by_stem(source / 'Annotations' / folder.name, ('.png',))
        for stem, path in labels.items():
            _write_ids(path, out / 'Annotations' / folder.name / f'{stem}.png', size)
            summary.count('annotations')
        summary.count('videos')
        if labels and not read_annotation(next(iter(labels.values())), 'index').any() and not keep_empty:
            summary.note('first annotation is empty, not listed', folder.name)
        else:
            used.append(folder.name)
    if (source / 'meta.json').is_file():
        shutil.copyfile(source / 'meta.json', out / 'meta.json')
    write_text(out / 'train.txt', ''.join(f'{name}\n' for name in used))
    return summary


def scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) whose shorter side is ``size``, cut to whole numbers."""
    ratio = size / min(width, height)
    return int(width * ratio), int(height * ratio)


def _write_frame(path: Path, target: Path, size: int) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Image.open(path) as image:
            smaller = image.convert('RGB').resize(scaled(*image.size, size), Image.Resampling.BICUBIC)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    with replacing(target) as temporary:
        smaller.save(temporary, format='JPEG', quality=95)


def _write_ids(path: Path, target: Path, size: int) -> None:
    if target.exists():
        return
    ids = Image.fromarray(read_annotation(path, 'index'))
    write_label_png(target, np.asarray(ids.resize(scaled(*ids.size, size), Image.Resampling.NEAREST)))
