"""DUTS and its scribbles as one folder."""

from pathlib import Path

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.files import write_text
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_folder


def convert_duts(
    train: Path,
    out: Path,
    scribbles: Path | None = None,
    test: Path | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Bring DUTS-TR, DUTS-TE and S-DUTS together: ``image/``, ``mask/``, ``scribble/``, ``train.txt``, ``test.txt``.

    Args:
        train: Folder ``DUTS-TR`` with images and masks; without masks where scribbles are given.
        out: Folder to write.
        scribbles: Folder of scribble PNGs (0 unknown, 1 object, 2 background), named as the images.
        test: Folder ``DUTS-TE``.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many images are done, split by split.

    Raises:
        DataError: A folder is missing, or nothing pairs.
    """
    summary = Summary(out)
    for part, source in (('train', train), ('test', test)):
        if source is None:
            continue
        separate(source, out)
        images = by_stem(find_folder(source, None, IMAGE_FOLDERS, 'image'))
        labels = {}
        if scribbles is not None and part == 'train':
            labels['scribble'] = by_stem(scribbles, LABEL_SUFFIXES)
        try:
            labels['mask'] = by_stem(find_folder(source, None, MASK_FOLDERS, 'label'), LABEL_SUFFIXES)
        except DataError:
            if not labels:
                raise
        needed = next(iter(labels))
        stems = [stem for stem in images if stem in labels[needed]]
        if not stems:
            raise DataError(f'{source}: {len(images)} images and {len(labels[needed])} {needed}s share no name.')
        for stem in sorted(set(images) - set(stems)):
            summary.note(f'images without {needed}, left out', str(images[stem]))
        for stem in sorted(set(labels[needed]) - set(images)):
            summary.note(f'{needed}s without image, left out', stem)
        for stem in with_progress(stems, progress):
            take(images[stem], out / 'image' / images[stem].name, how)
            for role, files in labels.items():
                if stem in files:
                    take(files[stem], out / role / files[stem].name, how)
                    summary.count(f'{role}s')
        summary.count(f'{part} images', len(stems))
        write_text(out / f'{part}.txt', ''.join(f'{stem}\n' for stem in stems))
    return summary
