"""DUTS and its scribbles as one folder."""

from pathlib import Path

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress
from salseg.apis.converting.scribbles import note_scribble, write_list
from salseg.errors import DataError, missing_folder
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.files import write_text
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_alias, find_folder, folders_in
from salseg.io.lists import read_list

PARTS = {'train': 'DUTS-TR', 'test': 'DUTS-TE'}


def convert_duts(
    source: Path, out: Path, scribbles: Path | None = None, how: str = 'copy', progress: Progress = None
) -> Summary:
    """DUTS-TR and DUTS-TE together: ``image/``, ``mask/``, ``train.txt``, ``test.txt``; with scribbles ``scribble/`` too.

    Args:
        source: Folder that holds ``DUTS-TR``, ``DUTS-TE`` or both, or is one of them; DUTS-TR may lack masks where
            scribbles are given.
        out: Folder to write.
        scribbles: Folder of scribble PNGs (0 unknown, 1 object, 2 background), named as the images.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many images are done, split by split.

    Raises:
        DataError: A folder is missing, or nothing pairs.
    """
    separate(source, out)
    summary = Summary(out)
    for part, folder in _parts(source).items():
        images = by_stem(find_folder(folder, None, IMAGE_FOLDERS, 'image'))
        labels = _labels(folder, scribbles if part == 'train' else None)
        needed = next(iter(labels))
        stems = [stem for stem in images if stem in labels[needed]]
        if not stems:
            raise DataError(f'{folder}: {len(images)} images and {len(labels[needed])} {needed}s share no name.')
        for stem in sorted(set(images) - set(stems)):
            summary.leave_out(f'images without {needed}', str(images[stem]))
        for stem in sorted(set(labels[needed]) - set(images)):
            summary.leave_out(f'{needed}s without image', stem)
        for stem in with_progress(stems, progress):
            take(images[stem], out / 'image' / images[stem].name, how)
            for role, files in labels.items():
                if stem in files:
                    take(files[stem], out / role / files[stem].name, how)
                    summary.count(f'{role}s')
        summary.count(f'{part} images', len(stems))
        write_text(out / f'{part}.txt', ''.join(f'{stem}\n' for stem in stems))
    return summary


def _parts(source: Path) -> dict[str, Path]:
    inside = folders_in(source)
    for root in (source, *(inside if len(inside) == 1 else ())):
        found = {part: find_alias(root, (name,)) for part, name in PARTS.items()}
        if any(found.values()):
            return {part: root / name for part, name in found.items() if name is not None}
    return {'test' if source.name.lower() == PARTS['test'].lower() else 'train': source}


def _labels(folder: Path, scribbles: Path | None) -> dict[str, dict[str, Path]]:
    labels = {}
    if scribbles is not None:
        labels['scribble'] = by_stem(scribbles, LABEL_SUFFIXES)
    try:
        labels['mask'] = by_stem(find_folder(folder, None, MASK_FOLDERS, 'label'), LABEL_SUFFIXES)
    except DataError:
        if not labels:
            raise
    return labels


def add_scribbles(source: Path, out: Path, how: str = 'copy', progress: Progress = None) -> Summary:
    """S-DUTS: put scribbles beside the images of DUTS that are there already.

    ``train.txt`` then lists the training images that have scribbles; converting DUTS again brings all back.

    Args:
        source: Folder of scribble PNGs (0 unknown, 1 object, 2 background), or the one around it.
        out: Folder of DUTS; gets ``scribble/`` and ``train.txt``.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many scribbles are done.

    Raises:
        DataError: DUTS is not there, no name fits, or a file is no scribble.
    """
    if not source.is_dir():
        raise missing_folder(source)
    if not (out / 'image').is_dir() or not (out / 'train.txt').is_file():
        raise DataError(f'{out} does not hold DUTS, to which the scribbles belong: first salseg convert DUTS SOURCE.')
    separate(source, out)
    files = by_stem(source, LABEL_SUFFIXES)
    inside = folders_in(source)
    if not files and len(inside) == 1:
        files = by_stem(inside[0], LABEL_SUFFIXES)
    images, listed = by_stem(out / 'image'), read_list(out / 'train.txt')
    if not set(files) & set(images):
        raise DataError(f'{source}: {len(files)} scribbles and {len(images)} images of {out} have no name in common.')
    summary = Summary(out)
    for stem in sorted(set(files) - set(images)):
        summary.leave_out('scribbles without image', str(files[stem]))
    for stem in sorted(set(listed) - set(files)):
        summary.leave_out('images without scribble, taken off train.txt', stem)
    used = [stem for stem in dict.fromkeys([*listed, *images]) if stem in files and stem in images]
    for stem in with_progress(used, progress):
        take(files[stem], out / 'scribble' / files[stem].name, how)
        note_scribble(out / 'scribble' / files[stem].name, summary)
    return write_list(summary, {stem: images[stem] for stem in used})
