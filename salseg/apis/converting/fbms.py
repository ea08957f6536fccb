"""FBMS-59 as it was released: irregular annotations as PGM or PPM, frames of each video numbered its own way."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.listing import by_stem, folders_in

SPLITS = {'Trainingset': 'train', 'Testset': 'test'}


def convert_fbms(source: Path, out: Path, how: str = 'copy', progress: Progress = None) -> Summary:
    """Write ``JPEGImages/<video>/``, ``Annotations/<video>/`` (0 and 255) and ``ImageSets/{train,test}.txt``.

    Annotations and frames are paired by the number in their names, and every annotated number must have its frame.
    In PGM files everything that is not black is object; in PPM files everything that is not white. Files with ``PROB``
    in their name are no annotations.

    Args:
        source: Folder with ``Trainingset`` and ``Testset``, or one of both.
        out: Folder to write.
        how: 'copy', 'hardlink' or 'symlink' frames.
        progress: Told how many videos are done.

    Raises:
        DataError: No video is there, or an annotation has no frame or no number.
    """
    separate(source, out)
    folders = {part: source / name for name, part in SPLITS.items() if (source / name).is_dir()}
    if not folders:
        raise DataError(f'{source} holds neither Trainingset nor Testset; give the folder that the archives unpack to.')
    videos = [(part, p) for part, folder in folders.items() for p in folders_in(folder)]
    summary = Summary(out)
    for _, folder in with_progress(videos, progress):
        _convert_video(folder, out, how, summary)
    for part in folders:
        names = [folder.name for p, folder in videos if p == part]
        write_text(out / 'ImageSets' / f'{part}.txt', ''.join(f'{name}\n' for name in names))
    return summary


def _convert_video(folder: Path, out: Path, how: str, summary: Summary) -> None:
    frames = by_stem(folder, ('.jpg', '.jpeg', '.png'))
    if not frames:
        raise DataError(f'{folder} holds no frame.')
    by_number = {_frame_number(stem): stem for stem in frames}
    if len(by_number) < len(frames):
        raise DataError(
            f'{folder}: {len(frames)} frames have {len(by_number)} different numbers; names must end in one.'
        )
    for number, path in _annotations(folder / 'GroundTruth').items():
        if number not in by_number:
            raise DataError(
                f'{path} is of frame {number}, but the frames of {folder} are {min(by_number)} to {max(by_number)}; '
                'the numbering of the two must agree.'
            )
        write_grey(out / 'Annotations' / folder.name / f'{number:05d}.png', lambda p=path: _foreground(p))
        summary.count('annotations')
    for number, stem in by_number.items():
        take(frames[stem], out / 'JPEGImages' / folder.name / f'{number:05d}{frames[stem].suffix.lower()}', how)
    summary.count('frames', len(frames))
    summary.count('videos')


def _annotations(folder: Path) -> dict[int, Path]:
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


def _foreground(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert('RGB'))
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    background = 255 if path.suffix.lower() == '.ppm' else 0
    return (values != background).any(axis=2) * np.uint8(255)
