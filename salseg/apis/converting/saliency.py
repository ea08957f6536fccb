"""DUTS and its scribbles as one folder."""

from pathlib import Path

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress, write_grey
from salseg.apis.converting.forms import TWIN_MASKS, TWINS, USUAL, Form, Tree, find_pairs, find_parts, read_tree
from salseg.apis.converting.image_pairs import convert_parts
from salseg.apis.converting.pairing import nothing_found, pair
from salseg.apis.converting.scribbles import merged_codes, note_scribble, write_list
from salseg.errors import DataError, LabelError, missing_folder
from salseg.io.images import image_size
from salseg.io.listing import by_stem
from salseg.io.lists import read_list


def _of_duts(part: str) -> tuple[Form, ...]:
    """The release, copies of it, and XMem's folder in which masks lie beside images."""
    images, masks = (tuple(f'{part}/{name}' for name in names) for names in (USUAL.images, USUAL.masks))
    below = Form(images, masks)
    return (Form((f'{part}-Image',), (f'{part}-Mask',)), below, Form((part,)))


PARTS = {'train': _of_duts('DUTS-TR'), 'test': _of_duts('DUTS-TE')}


def convert_duts(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """DUTS-TR and DUTS-TE together: ``image/``, ``mask/``, ``train.txt``, ``test.txt``.

    Args:
        source: Folder that holds ``DUTS-TR``, ``DUTS-TE`` or both, or is one of them.
        out: Folder to write.
        partial: Take what is there however many masks are missing.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many images are done, split by split.

    Raises:
        DataError: A folder is missing, nothing pairs, or more than half of the masks are missing.
    """
    separate(source, out)
    tree = read_tree(source)
    parts = find_parts(tree, PARTS)
    if not parts:
        looked = tuple(form for forms in PARTS.values() for form in forms)
        # Raises where there is nothing at all; a folder without DUTS' names is taken for the training part.
        parts = {'train': find_pairs(tree, (*looked, USUAL, TWINS))}
    return convert_parts(source, out, tree, parts, partial, how, progress)


def add_scribbles(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """S-DUTS: put scribbles beside the images of DUTS that are there already.

    ``train.txt`` then lists the training images that have scribbles; converting DUTS again brings all back.

    Args:
        source: Folder of scribble PNGs (0 unknown, 1 object, 2 background), or the annotators' folders ``gt/`` (255 on
            scribbles of the object) and ``mask/`` (255 on all scribbles).
        out: Folder of DUTS; gets ``scribble/`` and ``train.txt``.
        partial: Take what is there however many scribbles are missing.
        how: 'copy', 'hardlink' or 'symlink'; codes that are made of two files are written.
        progress: Told how many scribbles are done.

    Raises:
        DataError: DUTS is not there, no name fits, a file is no scribble, or more than half of the scribbles are missing.
    """
    if not source.is_dir():
        raise missing_folder(source)
    if not (out / 'image').is_dir() or not (out / 'train.txt').is_file():
        raise DataError(f'{out} does not hold DUTS, to which the scribbles belong: first salseg convert DUTS SOURCE.')
    separate(source, out)
    summary = Summary(out)
    images = _training_images(out)
    files = _scribble_files(source, images)
    used = pair(images, files, source, summary, 'scribble', partial)
    for key in with_progress(list(used), progress):
        target = out / 'scribble' / f'{key}.png'
        objects, *scribbles = files[key]
        if scribbles:
            write_grey(target, merged_codes, objects, *scribbles)
        else:
            take(objects, target, how)
        try:
            shape = note_scribble(target, summary)
        except LabelError as error:
            target.unlink()
            used.remove(key)
            if not used:
                # Not one is a scribble: it is another kind of file, which the error says.
                raise
            summary.warn('files that are no scribble of codes 0, 1, 2, left out', f'{key}: {error}')
            continue
        if shape != image_size(images[key]):
            summary.warn('scribbles of another size than their image', key)
    return write_list(summary, {key: images[key] for key in used})


def _training_images(out: Path) -> dict[str, Path]:
    """Images of DUTS-TR by stem: those listed, and those that an earlier conversion took off the list."""
    images = by_stem(out / 'image')
    tests = set(read_list(out / 'test.txt')) if (out / 'test.txt').is_file() else set()
    return {stem: path for stem, path in images.items() if stem not in tests}


def _scribble_files(source: Path, images: dict[str, Path]) -> dict[str, tuple[Path, ...]]:
    """A file of codes for each stem, or one of object scribbles and one of all scribbles."""
    tree = read_tree(source)
    objects, both = (tree.fitting(name, TWIN_MASKS) for name in ('gt', 'mask'))
    if len(objects) == 1 and len(both) == 1:
        found = [by_stem(tree.path(folder), TWIN_MASKS) for folder in (*objects, *both)]
        return {stem: (path, found[1][stem]) for stem, path in found[0].items() if stem in found[1]}
    here = {folder: by_stem(tree.path(folder), TWIN_MASKS) for folder in tree.folders}
    here = {folder: files for folder, files in here.items() if set(files) & set(images)}
    if not here:
        raise nothing_found(
            source,
            f'no scribble has the name of one of the {len(images)} training images of DUTS',
            ('PNG files of codes 0, 1, 2', 'gt/ with mask/'),
        )
    _refuse_two(tree, list(here), source)
    (files,) = here.values()
    return {stem: (path,) for stem, path in files.items()}


def _refuse_two(tree: Tree, folders: list[str], source: Path) -> None:
    if len(folders) > 1:
        shown = ', '.join(tree.shown(folder) for folder in folders[:5])
        raise DataError(f'{source} holds scribbles of the same images in {shown}: give one of these folders.')
