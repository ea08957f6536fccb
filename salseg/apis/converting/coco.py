"""Groups of a common category from COCO's instance annotations."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.draw import polygon as fill_polygon

from salseg.apis.converting.files import Progress, Summary, separate, with_progress, write_grey
from salseg.errors import DataError
from salseg.io.images import read_image, write_png

# Instances smaller than this, in pixels, make no group: what the published loader of COCO-SEG groups uses.
MIN_AREA = 4000


def coco_groups(
    images: Path,
    annotations: Path,
    out: Path,
    min_area: float = MIN_AREA,
    least: int = 2,
    most: int | None = None,
    size: int | None = None,
    progress: Progress = None,
) -> Summary:
    """A group per category: images with a large instance of it, masks the union of those instances.

    Crowd regions count neither as instance nor as mask. Where ``most`` cuts a group, images with the largest masks stay.

    Args:
        images: Folder of COCO's images.
        annotations: ``instances_*.json``.
        out: Gets ``img/<category>/`` and ``gt/<category>/``, PNGs as in COCO9213.
        min_area: Of an instance, in pixels.
        least: Images of a group; smaller ones are left out.
        most: Images of a group.
        size: Side of the squares that images and masks are resized to, 224 in the published copies; None keeps sizes.
        progress: Told how many images are done.

    Raises:
        DataError: The file is no instance annotation, or an image is missing.
    """
    separate(images, out)
    files, names, instances = _read(annotations)
    chosen: dict[int, dict[int, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        if not instance.get('iscrowd') and instance['area'] > min_area:
            chosen[instance['category_id']][instance['image_id']].append(instance)
    summary, jobs = Summary(out), []
    for category, members in sorted(chosen.items()):
        if len(members) < least:
            summary.note('categories with too few images', f'{names[category]}: {len(members)}')
            continue
        largest = sorted(members, key=lambda number: (-sum(i['area'] for i in members[number]), number))
        jobs += [(names[category], files[number], members[number]) for number in sorted(largest[:most])]
        summary.count('groups')
    for category, entry, found in with_progress(jobs, progress):
        _write(images, out, category, entry, found, size)
        summary.count('images')
    return summary


def _read(path: Path) -> tuple[dict[int, dict[str, Any]], dict[int, str], list[dict[str, Any]]]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        files = {entry['id']: entry for entry in content['images']}
        return files, {c['id']: c['name'] for c in content['categories']}, content['annotations']
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} is no instance annotation of COCO: {error!r}.') from error


def _write(
    images: Path, out: Path, category: str, entry: dict[str, Any], found: list[dict[str, Any]], size: int | None
) -> None:
    stem = Path(entry['file_name']).stem
    image, mask = out / 'img' / category / f'{stem}.png', out / 'gt' / category / f'{stem}.png'
    if not image.exists():
        pixels = read_image(images / entry['file_name'])
        write_png(image, pixels if size is None else cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA))
    shape = entry['height'], entry['width']

    def union() -> np.ndarray:
        whole = np.zeros(shape, bool)
        for instance in found:
            whole |= instance_mask(instance['segmentation'], shape)
        values = whole * np.uint8(255)
        return values if size is None else cv2.resize(values, (size, size), interpolation=cv2.INTER_NEAREST)

    write_grey(mask, union)


def instance_mask(segmentation: Any, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of one instance, (H, W) bool.

    Args:
        segmentation: Polygons, lists x, y, x, y, ... with corners between pixels, or run lengths ``{'counts', 'size'}``,
            column by column, as numbers or as COCO's text.
        shape: (height, width).

    Raises:
        DataError: It is neither, or runs do not fit the shape.
    """
    if isinstance(segmentation, dict):
        return _from_runs(segmentation, shape)
    mask = np.zeros(shape, bool)
    for polygon in segmentation:
        if len(polygon) < 6 or len(polygon) % 2:
            raise DataError(f'a polygon has {len(polygon)} numbers; expected x, y of at least three corners.')
        corners = np.asarray(polygon, np.float64).reshape(-1, 2) - 0.5
        mask[fill_polygon(corners[:, 1], corners[:, 0], shape)] = True
    return mask


def _from_runs(runs: dict[str, Any], shape: tuple[int, int]) -> np.ndarray:
    counts = runs.get('counts')
    counts = _decoded(counts) if isinstance(counts, str) else list(counts or ())
    if tuple(runs.get('size', ())) != tuple(shape) or sum(counts) != shape[0] * shape[1]:
        raise DataError(f'run lengths of {runs.get("size")} with {sum(counts)} pixels; the image has {shape}.')
    values = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return values.reshape(shape[1], shape[0]).T


def _decoded(text: str) -> list[int]:
    """COCO's compressed counts: groups of 5 bits in characters from '0' on, from the third on differences."""
    counts: list[int] = []
    place = 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            bits = ord(text[place]) - 48
            value |= (bits & 31) << shift
            more, place, shift = bool(bits & 32), place + 1, shift + 5
            if not more and bits & 16:
                value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
