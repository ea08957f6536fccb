"""What happens to an archive on its way: enclosing folders, stray files, other suffixes, lost masks."""

import copy
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.releases.release import FORMATS, Release

STRAY = ('.DS_Store', 'Thumbs.db', 'desktop.ini', '._0001.jpg')


def moved(release: Release, source: Path, path: Callable[[Path], Path]) -> Release:
    """The release at another source, its raw files renamed by `path`."""
    parts = []
    for part in release.parts:
        images = {key: path(file) for key, file in part.image_files.items()}
        masks = {key: [path(file) for file in files] for key, files in part.mask_files.items()}
        parts.append(replace(part, image_files=images, mask_files=masks))
    return replace(release, source=source, parts=parts)


def wrap(release: Release, *names: str) -> Release:
    """One enclosing folder more (or several, outermost first)."""
    folders = names or ('the archive',)
    held = release.source.with_name(release.source.name + '.wrapped')
    inner = held.joinpath(*folders)
    inner.parent.mkdir(parents=True)
    release.source.rename(inner)
    held.rename(release.source)
    return moved(release, release.source, lambda file: Path(*folders) / file)


def bare(release: Release) -> Release:
    """The source without its outermost folder, where that is the only thing in it; else the release as it was."""
    inside = list(release.source.iterdir())
    if len(inside) != 1 or not inside[0].is_dir():
        return release
    return moved(release, inside[0], lambda file: file.relative_to(inside[0].name))


def litter(release: Release) -> Release:
    """Files that file managers leave, in every folder, and the shadow tree of an archiver."""
    folders = [Path(top) for top, _, _ in os.walk(release.source)]
    for folder in folders:
        for name in STRAY:
            (folder / name).write_bytes(b'\0stray')
    shadow = release.source / '__MACOSX'
    for folder in folders:
        target = shadow / folder.relative_to(release.source)
        target.mkdir(parents=True)
        (target / '._0001.png').write_bytes(b'\0stray')
    return release


def upper(release: Release) -> Release:
    """All images and masks with upper-case suffixes, and what names them by suffix (COCO's file) too."""

    def loud(file: Path) -> Path:
        return file.with_name(file.stem + file.suffix.upper())

    for top, _, names in os.walk(release.source):
        for name in names:
            if os.path.splitext(name)[1].lower() in FORMATS and not name.startswith('.'):
                (Path(top) / name).rename(loud(Path(top) / name))
            elif name.startswith('instances') and name.endswith('.json'):
                path = Path(top) / name
                path.write_text(path.read_text(encoding='utf-8').replace('.jpg"', '.JPG"'), encoding='utf-8')
    return moved(release, release.source, loud)


def lose_masks(release: Release, fraction: float) -> Release:
    """Delete this fraction of the masks of the first part, at even distances; their keys are left out then.

    Raises ValueError where masks are no files of their own.
    """
    if release.annotated == 'file':
        raise ValueError(f'{release.name}: masks are in one file')
    release = replace(release, parts=[copy.copy(part) for part in release.parts], left_out=dict(release.left_out))
    part = release.parts[0]
    part.masks, part.mask_files, part.images = dict(part.masks), dict(part.mask_files), dict(part.images)
    keys = sorted(part.mask_files)
    count = round(len(keys) * fraction)
    for key in [keys[index * len(keys) // count] for index in range(count)]:
        for file in part.mask_files.pop(key):
            (release.source / file).unlink()
        part.masks.pop(key, None)
        release.left_out[key] = 'its mask was lost'
        if release.kind in ('image', 'group'):
            part.images.pop(key, None)
            release.lists = {name: [entry for entry in names if entry != key] for name, names in release.lists.items()}
    return release


def empty(release: Release, folders: bool = False) -> Release:
    """Nothing but the source folder, or (`folders`) the tree without its files."""
    tops = [Path(top) for top, _, _ in os.walk(release.source)]
    shutil.rmtree(release.source)
    for top in tops if folders else tops[:1]:
        top.mkdir(parents=True)
    return replace(release, parts=[], lists={}, left_out={})
