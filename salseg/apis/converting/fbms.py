"""FBMS-59: two kinds of annotations, numbered as each video likes."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from salseg.apis.converting.files import Progress, Summary, separate, write_grey
from salseg.apis.converting.pairing import nothing_found
from salseg.apis.converting.trees import FRAMES, OWN_FRAMES, child, find_roots, sub_folders
from salseg.apis.converting.videos import convert_videos
from salseg.apis.converting.writing_videos import Listed, Videos, some_frame
from salseg.errors import DataError
from salseg.io.listing import by_stem

# Folders of the release, and the split of each.
SPLITS = {'Trainingset': 'train', 'Testset': 'test'}
_TRUTH = ('GroundTruth',)
_FRAMES = ('.jpg', '.jpeg', '.png')


def convert_fbms(
    source: Path,
    out: Path,
    images: str | None = None,
    masks: str | None = None,
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Write ``JPEGImages/<video>/``, ``Annotations/<video>/`` (0 and 255) and ``ImageSets/{train,test}.txt``.

    Annotations and frames are paired by the number in their names, and every annotated number must have its frame; the
    number, in five digits, is the new name. In PGM files everything that is not black is object; in PPM files everything
    that is not white. Files with ``PROB`` in their name are no annotations. Copies in the layout of DAVIS are read as
    `convert_videos` does.

    Args:
        source: Folder with ``Trainingset`` and ``Testset``, or one of both, whatever lies around it.
        out: Folder to write.
        images, masks, partial, how, progress: See `convert_videos`.

    Raises:
        DataError: No video is there, or an annotation has no frame or no number.
    """
    separate(source, out)
    splits = {split: _videos_of(source, name) for name, split in SPLITS.items()}
    splits = {split: folders for split, folders in splits.items() if folders}
    if not splits:
        if images is None and not find_roots(source, (*FRAMES, *OWN_FRAMES)):
            raise nothing_found(source, 'no video', tuple(SPLITS))
        return convert_videos(source, out, 'some', images, masks, (), partial, how, progress)
    summary = Summary(out)
    videos = [folder for folders in splits.values() for folder in folders]
    lists = {split: [folder.name for folder in folders] for split, folders in splits.items()}
    writer = Videos(source, videos, _listed, _write, some_frame, lists)
    writer.write_to(out, summary, how, progress, partial)
    return summary


def _videos_of(source: Path, name: str) -> list[Path]:
    """Folders of a split's videos, wherever the archive was unpacked to; the split itself may be the source."""
    roots = [source] if source.name.lower() == name.lower() else []
    roots += [found for folder in find_roots(source, (name,)) if (found := child(folder, (name,))) is not None]
    return [folder for root in roots for folder in sub_folders(root) if by_stem(folder, _FRAMES)]


def _listed(folder: Path) -> Listed:
    frames = by_stem(folder, _FRAMES)
    by_number = {_frame_number(stem): path for stem, path in frames.items()}
    if len(by_number) < len(frames):
        raise DataError(
            f'{folder}: {len(frames)} frames have {len(by_number)} different numbers; names must end in one.'
        )
    labels = _annotations(folder)
    for number, path in labels.items():
        if number not in by_number:
            raise DataError(
                f'{path} is of frame {number}, but the frames of {folder} are {min(by_number)} to {max(by_number)}; '
                'add the frame or remove the annotation.'
            )
    return Listed(folder.name, _renamed(by_number), _renamed(labels))


def _renamed(files: dict[int, Path]) -> dict[str, Path]:
    return {f'{number:05d}': files[number] for number in sorted(files)}


def _annotations(folder: Path) -> dict[int, Path]:
    truth = child(folder, _TRUTH)
    files = {} if truth is None else by_stem(truth, ('.pgm', '.ppm', '.png'))
    return {_label_number(path): path for stem, path in files.items() if 'PROB' not in stem.upper()}


def _frame_number(stem: str) -> int:
    digits = re.findall(r'\d+', stem)
    if not digits:
        raise DataError(f'the frame {stem} has no number in its name.')
    return int(digits[-1])


def _label_number(path: Path) -> int:
    """Last number of ``name_012.pgm``, and of ``name_012_gt.ppm``; the name itself may hold others."""
    stem = re.sub(r'_gt$', '', path.stem, flags=re.IGNORECASE)
    digits = re.findall(r'\d+', stem)
    if not digits:
        raise DataError(f'{path} has no frame number in its name.')
    return int(digits[-1])


def _write(label: Path, target: Path, how: str) -> None:
    write_grey(target, foreground, label)


def foreground(path: Path) -> np.ndarray:
    """Everything that is not background, (H, W) uint8 of 0 and 255: black in PGM, white in PPM.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert('RGB'))
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    background = 255 if path.suffix.lower() == '.ppm' else 0
    return (values != background).any(axis=2) * np.uint8(255)
