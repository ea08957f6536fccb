"""Understand what a user names: files, folders, patterns."""

import glob
from collections.abc import Iterable
from pathlib import Path

from salseg.datasets.reading import IMAGE_SUFFIXES
from salseg.errors import DataError


def find_images(inputs: Iterable[str]) -> list[tuple[Path, Path]]:
    """Pictures with the relative name that their results get (without suffix).

    Files keep their stem; what lies in a folder keeps its place below that folder.

    Raises:
        DataError: Something does not exist or holds no picture, or two pictures would get the same name.
    """
    found: list[tuple[Path, Path]] = []
    for text in inputs:
        found += _expand(text)
    names: dict[Path, Path] = {}
    for path, name in found:
        if name in names and names[name] != path:
            raise DataError(
                f'{names[name]} and {path} would both be written as {name}: give their common folder instead, or run twice '
                'with two --out.'
            )
        names[name] = path
    return [(path, name) for name, path in names.items()]


def _expand(text: str) -> list[tuple[Path, Path]]:
    path = Path(text)
    if path.is_dir():
        files = sorted(p for p in path.rglob('*') if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith('.'))
        if not files:
            raise DataError(f'{path} holds no picture ({", ".join(IMAGE_SUFFIXES)}), in its sub-folders neither.')
        return [(p, p.relative_to(path).with_suffix('')) for p in files]
    if path.is_file():
        return [(path, Path(path.stem))]
    matches = [Path(p) for p in sorted(glob.glob(text, recursive=True))]
    if matches:
        return [(p, Path(p.stem)) for p in matches if p.is_file()]
    raise DataError(f'the input {text} is no file, no folder, and no pattern that matches one.')
