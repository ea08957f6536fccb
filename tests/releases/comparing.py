"""Is a converted tree what the release says it must be? Reads with PIL alone."""

import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

from tests.releases.drawing import resized_labels
from tests.releases.release import Part, Release

RASTERS = ('.jpg', '.jpeg', '.png', '.bmp')


def rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert('RGB'))


def labels(path: Path, encoding: str) -> np.ndarray:
    """Ids and codes as stored (a palette is not looked up); 'binary' as 0 and 1 at half of full scale."""
    picture = Image.open(path)
    if picture.mode == '1':
        picture = picture.convert('L')
    array = np.asarray(picture)
    array = array[..., 0] if array.ndim == 3 else array
    return (array > 127).astype(np.uint8) if encoding == 'binary' else array


def number_of(key: str) -> str:
    """'video/cars1_05' -> 'video/5'."""
    head, _, stem = key.rpartition('/')
    return f'{head}/{int(re.findall(r"[0-9]+", stem)[-1])}'


def found(folder: Path, by_number: bool = False) -> dict[str, Path]:
    """Files below a folder by key, links included."""
    files = {}
    for top, _, names in os.walk(folder, followlinks=True):
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in RASTERS:
                key = (Path(top) / stem).relative_to(folder).as_posix()
                files[number_of(key) if by_number else key] = Path(top) / name
    return files


def same_regions(got: np.ndarray, truth: np.ndarray, compared: np.ndarray) -> bool:
    """Are the same pixels together, whatever their numbers? 0 stays 0."""
    pairs = set(zip(got[compared].tolist(), truth[compared].tolist()))
    one_to_one = len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    return one_to_one and all((a == 0) == (b == 0) for a, b in pairs)


def mask_differs(part: Part, key: str, got: np.ndarray) -> str:
    truth = part.masks[key]
    if key in part.sizes:
        if abs(np.subtract(got.shape, part.sizes[key])).max() > part.slack:
            return f'size {got.shape}, expected {part.sizes[key]}'
        far = float((got != resized_labels(truth, got.shape)).mean())
        return f'{far:.1%} of the pixels differ' if far > 0.02 else ''
    if got.shape != truth.shape:
        return f'size {got.shape}, expected {truth.shape}'
    compared = ~part.unsure.get(key, np.zeros(truth.shape, bool))
    if part.relabelled:
        return '' if same_regions(got, truth, compared) else 'other regions'
    wrong = (got != truth) & compared
    return f'{int(wrong.sum())} pixels differ, values {np.unique(got).tolist()}' if wrong.any() else ''


def image_differs(part: Part, key: str, got: np.ndarray) -> str:
    truth = part.images[key]
    if key in part.sizes:
        if abs(np.subtract(got.shape[:2], part.sizes[key])).max() > part.slack:
            return f'size {got.shape[:2]}, expected {part.sizes[key]}'
        again = np.asarray(Image.fromarray(truth).resize(got.shape[1::-1], Image.Resampling.BICUBIC)).astype(int)
        far = float(abs(got - again).mean())
        return f'{far:.1f} grey levels away' if far > 4 else ''
    if got.shape != truth.shape:
        return f'size {got.shape}, expected {truth.shape}'
    return '' if np.array_equal(got, truth) else f'up to {abs(got.astype(int) - truth).max()} grey levels away'


def part_differs(part: Part, root: Path) -> list[str]:
    """Sentences about one part below data/<target>/."""
    said = []
    for kind, folder, truth in (('image', part.image_folder, part.images), ('mask', part.mask_folder, part.masks)):
        if not folder:
            continue
        files = found(root / part.place / folder, part.by_number)
        keys = {number_of(key) if part.by_number else key: key for key in truth}
        said += [f'{part.place}/{folder}/{name} is missing' for name in sorted(keys.keys() - files.keys())]
        said += [f'{part.place}/{folder}/{name} is too much' for name in sorted(files.keys() - keys.keys())]
        for name in sorted(keys.keys() & files.keys()):
            read = rgb(files[name]) if kind == 'image' else labels(files[name], part.encoding)
            differs = image_differs if kind == 'image' else mask_differs
            wrong = differs(part, keys[name], read)
            said += [f'{part.place}/{folder}/{name}: {wrong}'] if wrong else []
    return said


def differences(release: Release, root: Path) -> list[str]:
    """All sentences about data/<target>/ under `root`; none when images, masks and lists are as they must be."""
    top = root / release.target
    said = []
    for part in release.parts:
        if not part.optional or (top / part.place).is_dir():
            said += part_differs(part, top)
    for name, entries in release.lists.items():
        path = top / name
        got = sorted(path.read_text(encoding='utf-8').splitlines()) if path.is_file() else None
        if got != sorted(entries):
            said.append(f'{name}: {got}, expected {sorted(entries)}')
    return said
