"""Videos of any layout as ``JPEGImages/<video>/`` and ``Annotations/<video>/``."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from salseg.apis.converting.files import (
    Progress,
    Summary,
    check_names,
    separate,
    take,
    unwrapped,
    with_progress,
    write_grey,
    write_ids,
)
from salseg.datasets.checking import find_plan
from salseg.datasets.video_layout import find_videos
from salseg.errors import DataError, LabelError, missing_folder
from salseg.io.annotations import read_annotation
from salseg.io.files import replacing, write_text
from salseg.io.listing import by_stem, folders_in
from salseg.io.lists import read_names
from salseg.visualization.palette import write_label_png

# Folders of FBMS' release, and the split of each.
FBMS_SPLITS = {'Trainingset': 'train', 'Testset': 'test'}


def convert_davis(
    source: Path,
    out: Path,
    masks: str = 'ids',
    years: Sequence[str] = ('2017',),
    resolution: str = '480p',
    lists: Sequence[Path] = (),
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """DAVIS, 2016 or 2017; the release of 2017 holds the videos of both.

    Args:
        source: Folder ``DAVIS``, or the one around it.
        out: Folder to write.
        masks: See `convert_videos`.
        years: Folders of ``ImageSets`` whose ``train.txt`` and ``val.txt`` are the lists, the first that is there.
        resolution: Folder of frames and annotations.
        lists: Other lists instead, of either form.
        how, progress: See `convert_videos`.

    Raises:
        DataError: As `convert_videos` does, or the resolution is not there.
    """
    root = unwrapped(source, ('JPEGImages',))
    separate(source, out)
    if not (root / 'JPEGImages' / resolution).is_dir():
        there = ', '.join(path.name for path in folders_in(root / 'JPEGImages')[:5]) or 'nothing'
        raise DataError(f'{root / "JPEGImages"} holds no {resolution}, but {there}. Name one: --resolution.')
    lists = lists or _davis_lists(root, years, {path.name for path in folders_in(root / 'JPEGImages' / resolution)})
    images, labels = f'JPEGImages/{resolution}/{{video}}', f'Annotations/{resolution}/{{video}}'
    return convert_videos(root, out, masks, images=images, labels=labels, lists=lists, how=how, progress=progress)


def _davis_lists(root: Path, years: Sequence[str], present: set[str]) -> list[Path]:
    """Lists of the first year that is there, without those of which the copy holds no video."""
    folder = next((root / 'ImageSets' / year for year in years if (root / 'ImageSets' / year).is_dir()), None)
    if folder is None:
        return []
    files = [path for path in (folder / 'train.txt', folder / 'val.txt') if path.is_file()]
    return [path for path in files if present & set(read_names(path))]


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
    if len(named) < len(lists):
        raise DataError(f'--lists {" ".join(map(str, lists))}: two have the same name, and so would what is written.')
    if names is None and named:
        names = list(dict.fromkeys(name for members in named.values() for name in members))
    check_names(names or (), source)
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
                write_ids(target, read_annotation, label, 'index')
            else:
                write_grey(target, united, label)
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


def convert_fbms(source: Path, out: Path, how: str = 'copy', progress: Progress = None) -> Summary:
    """Write ``JPEGImages/<video>/``, ``Annotations/<video>/`` (0 and 255) and ``ImageSets/{train,test}.txt``.

    Annotations and frames are paired by the number in their names, and every annotated number must have its frame.
    In PGM files everything that is not black is object; in PPM files everything that is not white. Files with ``PROB``
    in their name are no annotations.

    Args:
        source: Folder with ``Trainingset`` and ``Testset``, or one of both, or the folder around it.
        out: Folder to write.
        how: 'copy', 'hardlink' or 'symlink' frames.
        progress: Told how many videos are done.

    Raises:
        DataError: No video is there, or an annotation has no frame or no number.
    """
    separate(source, out)
    root = unwrapped(source, tuple(FBMS_SPLITS))
    folders = {part: root / name for name, part in FBMS_SPLITS.items() if (root / name).is_dir()}
    videos = [(part, p) for part, folder in folders.items() for p in folders_in(folder)]
    summary = Summary(out)
    for _, folder in with_progress(videos, progress):
        _fbms_video(folder, out, how, summary)
    for part in folders:
        names = [folder.name for p, folder in videos if p == part]
        write_text(out / 'ImageSets' / f'{part}.txt', ''.join(f'{name}\n' for name in names))
    return summary


def _fbms_video(folder: Path, out: Path, how: str, summary: Summary) -> None:
    frames = by_stem(folder, ('.jpg', '.jpeg', '.png'))
    if not frames:
        raise DataError(f'{folder} holds no frame.')
    by_number = {_frame_number(stem): stem for stem in frames}
    if len(by_number) < len(frames):
        raise DataError(
            f'{folder}: {len(frames)} frames have {len(by_number)} different numbers; names must end in one.'
        )
    for number, path in _fbms_annotations(folder / 'GroundTruth').items():
        if number not in by_number:
            raise DataError(
                f'{path} is of frame {number}, but the frames of {folder} are {min(by_number)} to {max(by_number)}; '
                'the numbering of the two must agree.'
            )
        write_grey(out / 'Annotations' / folder.name / f'{number:05d}.png', _fbms_foreground, path)
        summary.count('annotations')
    for number, stem in by_number.items():
        take(frames[stem], out / 'JPEGImages' / folder.name / f'{number:05d}{frames[stem].suffix.lower()}', how)
    summary.count('frames', len(frames))
    summary.count('videos')


def _fbms_annotations(folder: Path) -> dict[int, Path]:
    files = by_stem(folder, ('.pgm', '.ppm', '.png'))
    kept = {stem: path for stem, path in files.items() if 'PROB' not in stem}
    if not kept:
        raise DataError(f'{folder} holds no annotation (.pgm or .ppm).')
    return {_label_number(path): path for path in kept.values()}


def _frame_number(stem: str) -> int:
    digits = re.findall(r'\d+', stem)
    if not digits:
        raise DataError(f'the frame {stem} has no number in its name.')
    return int(digits[-1])


def _label_number(path: Path) -> int:
    """Last number of ``name_012.pgm``, and of ``name_012_gt.ppm``; the name itself may hold others."""
    stem = re.sub(r'_gt$', '', path.stem)
    digits = re.findall(r'\d+', stem)
    if not digits:
        raise DataError(f'{path} has no frame number in its name.')
    return int(digits[-1])


def _fbms_foreground(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert('RGB'))
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    background = 255 if path.suffix.lower() == '.ppm' else 0
    return (values != background).any(axis=2) * np.uint8(255)


def shrink_youtube_vos(
    source: Path, out: Path, size: int = 480, keep_empty: bool = False, progress: Progress = None
) -> Summary:
    """Resize a split so that the shorter side has ``size`` pixels: images bicubic, ids by nearest neighbour.

    Both sides are the old ones times ``size / shorter side``, cut to whole numbers, as in XMem's released script; small
    videos become larger. Training videos whose first annotation is empty are left out of ``train.txt`` and noted.

    Args:
        source: Folder with ``JPEGImages``, ``Annotations`` and, usually, ``meta.json``, or the one that holds it as
            ``train``.
        out: Folder to write.
        size: Shorter side in pixels.
        keep_empty: List videos with an empty first annotation too.
        progress: Told how many videos are done.

    Raises:
        DataError: A folder is missing or a file cannot be read.
    """
    separate(source, out)
    source = _split_of(source)
    if size < 1:
        raise DataError(f'--size {size}; expected at least 1 pixel.')
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
        take(source / 'meta.json', out / 'meta.json')
    write_text(out / 'train.txt', ''.join(f'{name}\n' for name in used))
    return summary


def _split_of(source: Path) -> Path:
    split = unwrapped(source, ('JPEGImages', 'train'))
    split = split if (split / 'JPEGImages').is_dir() else split / 'train'
    for name in ('JPEGImages', 'Annotations'):
        if not (split / name).is_dir():
            raise missing_folder(split / name)
    return split


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
            width, height = image.size
            smaller = image.convert('RGB').resize(scaled(width, height, size), Image.Resampling.BICUBIC)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    with replacing(target) as temporary:
        smaller.save(temporary, format='JPEG', quality=95)


def _write_ids(path: Path, target: Path, size: int) -> None:
    if target.exists():
        return
    ids = Image.fromarray(read_annotation(path, 'index'))
    width, height = ids.size
    write_label_png(target, np.asarray(ids.resize(scaled(width, height, size), Image.Resampling.NEAREST)))
