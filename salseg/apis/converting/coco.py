"""COCO's instances, as published and as annotation tools export them: groups of a category, and images with masks."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from skimage.draw import polygon as fill_polygon

from salseg.apis.converting.files import (
    Progress,
    Summary,
    safe_names,
    separate,
    take,
    with_progress,
    write_grey,
)
from salseg.apis.converting.own_masks import draw_as_stored, drawn_together, finish, write_drawn
from salseg.apis.converting.trees import holds_images, walk
from salseg.errors import DataError, missing_folder
from salseg.io.images import image_size, read_image, write_png

# Instances smaller than this, in pixels, make no group: what the published loader of COCO-SEG groups uses.
MIN_AREA = 4000
_IMAGES = ('train2017', 'train2014', 'images')
_ANNOTATIONS = 'annotations/instances_train2017.json'
Shape = tuple[int, int]


@dataclass(frozen=True)
class Instance:
    """An annotation of COCO's; ``area`` in pixels, None where the file does not say."""

    category: Any
    image: Any
    segmentation: Any
    area: float | None
    crowd: bool


@dataclass(frozen=True)
class Instances:
    """A file of instances: images and categories by id."""

    path: Path
    files: dict[Any, dict[str, Any]]
    categories: dict[Any, str]
    instances: list[Instance]


def coco_groups(
    source: Path,
    out: Path,
    images: str | None = None,
    annotations: Path | None = None,
    min_area: float = MIN_AREA,
    least: int = 2,
    most: int | None = None,
    size: int | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """A group per category: images with a large instance of it, masks the union of those instances.

    Crowd regions count neither as instance nor as mask. Where ``most`` cuts a group, images with the largest masks stay.
    Names of categories and files with slashes in them become one name each.

    Args:
        source: Folder of COCO, or of images.
        out: Gets ``img/<category>/`` and ``gt/<category>/``, as COCO9213 has them.
        images: Folder of the images, relative to the source; ``train2017``, or the source itself, by default.
        annotations: ``instances_*.json``; by default that of ``train2017`` in the source.
        min_area: Of an instance, in pixels.
        least: Images of a group; smaller ones are left out.
        most: Images of a group.
        size: Side of the squares that images and masks are resized to, 224 in the published copies; None keeps sizes.
        how: 'copy', 'hardlink' or 'symlink' images that keep their size; resized ones are written as PNG.
        progress: Told how many images are done.

    Raises:
        DataError: The file is no instance annotation, an image is missing or of another size, or no group is left.
    """
    separate(source, out)
    folder, path = _coco_places(source, images, annotations)
    content = read_coco(path)
    summary, excluded = Summary(out), Counter[str]()
    chosen = _choose(content, folder, min_area, excluded, summary)
    folders = safe_names({category: content.categories[category] for category in chosen})
    stems = safe_names({number: stem_of(content.files[number]) for members in chosen.values() for number in members})
    jobs = []
    for category, members in sorted(chosen.items(), key=lambda pair: str(pair[0])):
        if len(members) < least:
            excluded[f'in categories with fewer than {least} images'] += sum(map(len, members.values()))
            summary.note('categories with too few images', f'{content.categories[category]}: {len(members)}')
            continue
        sizes = {number: sum(instance.area or 0 for instance in found) for number, found in members.items()}
        largest = set(sorted(sorted(members, key=str), key=sizes.__getitem__, reverse=True)[:most])
        jobs += [(folders[category], number, members[number]) for number in members if number in largest]
        summary.count('groups')
    reasons = [f'{number} {reason}' for reason, number in excluded.items()]
    if not jobs:
        raise DataError(
            f'{path}: no category has {least} images with an instance of more than {min_area:g} pixels (--min-area); of '
            f'{len(content.instances)} instances {"; ".join(reasons) or "none is left"}.'
        )
    for reason in reasons:
        summary.note('instances that are not used', reason)
    for category, number, found in with_progress(jobs, progress):
        image = _as_on_disk(folder / content.files[number]['file_name'])
        suffix = image.suffix.lower() if size is None else '.png'
        targets = out / 'img' / category / f'{stems[number]}{suffix}', out / 'gt' / category / f'{stems[number]}.png'
        _write_member(image, targets, content.files[number], found, size, how)
        summary.count('images')
    return summary


def coco_masks(
    source: Path,
    out: Path,
    images: str | None = None,
    annotations: Path | None = None,
    categories: Sequence[str] | None = None,
    ids: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """An export of an annotation tool as images with masks: all objects of an image together, or each with its number.

    Crowds count, since some programs mark every brushed mask as one. Boxes alone give no mask and are left out.

    Args:
        source: Folder of the images, and of the file unless it is named.
        out: Gets ``image/``, ``mask/`` and ``train.txt``; 'a/b.jpg' becomes 'a_b.jpg'.
        images: Folder of the images, relative to the source.
        annotations: The file; by default the only JSON file in the source or in its ``annotations/``.
        categories: Names of those to take; all by default.
        ids: Whether every instance has a number of its own, in the order of the file; otherwise all are 255.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: The file is no instance annotation, or no image has a mask that can be used.
    """
    separate(source, out)
    folder, path = _coco_places(source, images, annotations or _only_json(source))
    content = read_coco(path)
    summary, used = Summary(out), []
    masks = _masks_by_image(content, categories, summary)
    names = safe_names({number: stem_of(entry) for number, entry in content.files.items()})
    for number, entry in with_progress(list(content.files.items()), progress):
        image = _as_on_disk(folder / entry['file_name'])
        try:
            if not masks[number]:
                raise DataError(
                    f'{entry["file_name"]}: it has no mask' + (' of these categories' if categories else '')
                )
            stated = (entry['height'], entry['width']) if entry.get('height') and entry.get('width') else None
            draw = partial(drawn_together, [partial(_drawn, own, path) for own in masks[number]], ids)
            values = draw_as_stored(image, stated, draw)
            write_drawn(out / 'mask' / f'{names[number]}.png', values, ids)
        except DataError as error:
            summary.leave_out('images that cannot be used', str(error))
            continue
        take(image, out / 'image' / f'{names[number]}{image.suffix.lower()}', how)
        summary.count('objects', len(masks[number]))
        used.append(names[number])
    return finish(summary, source, used, len(content.files))


def _masks_by_image(
    content: Instances, categories: Sequence[str] | None, summary: Summary
) -> dict[Any, list[Instance]]:
    """Instances with a mask."""
    unknown = sorted(set(categories or ()) - set(content.categories.values()))
    if unknown:
        there = ', '.join(list(content.categories.values())[:8]) or 'none'
        raise DataError(f'{content.path} has no category {unknown[0]!r}; it has {there}.')
    found: dict[Any, list[Instance]] = defaultdict(list)
    for instance in content.instances:
        category, name = content.categories[instance.category], content.files[instance.image]['file_name']
        if categories is not None and category not in categories:
            continue
        if not instance.segmentation:
            summary.leave_out('objects without a mask, as boxes alone', f'{category} in {name}')
            continue
        if instance.crowd:
            summary.note('masks that are marked as crowds, taken', f'{category} in {name}')
        found[instance.image].append(instance)
    return found


def _drawn(instance: Instance, where: Path, shape: Shape) -> np.ndarray:
    return mask_of(instance, shape, where)


def _only_json(source: Path) -> Path | None:
    """The one JSON file of a folder; None where there is none, or the usual file of COCO is."""
    if not source.is_dir():
        raise missing_folder(source)
    if (source / _ANNOTATIONS).is_file():
        return None
    found = [path for folder in (source, source / 'annotations') for path in sorted(folder.glob('*.json'))]
    if len(found) > 1:
        names = ', '.join(path.name for path in found[:5])
        raise DataError(f'{source} holds several JSON files: {names}. Name the one: --annotations FILE.')
    return found[0] if found else None


def _coco_places(source: Path, images: str | None, annotations: Path | None) -> tuple[Path, Path]:
    """Folder of the images and file of the instances, whatever lies around them."""
    if images is not None and not (source / images).is_dir():
        raise missing_folder(source / images)
    folders = list(walk(source, depth=5))
    found = [path for name in _IMAGES for path in folders if path.name.lower() == name and holds_images(path)]
    folder = source / images if images is not None else (found or [source])[0]
    if annotations is None:
        path = next((path for own in folders if (path := own / _ANNOTATIONS).is_file()), source / _ANNOTATIONS)
    else:
        path = annotations if annotations.is_file() else source / annotations
    if not path.is_file():
        raise DataError(f'{path} does not exist. Give the folder of COCO, or name the file: --annotations FILE.')
    return folder, path


def read_coco(path: Path) -> Instances:
    try:
        content = json.loads(path.read_text(encoding='utf-8-sig'))
        files = {entry['id']: {**entry, 'file_name': _posix(entry['file_name'])} for entry in content['images']}
        categories = {entry['id']: str(entry['name']) for entry in content['categories']}
        instances = [_instance(entry) for entry in content['annotations']]
        unknown = [i for i in instances if i.image not in files or i.category not in categories]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f'{path} is no instance annotation of COCO: {error!r}.') from error
    if unknown:
        raise DataError(
            f'{path}: {len(unknown)} annotations are of an image or category that the file does not list, the first of '
            f'image_id {unknown[0].image!r}, category_id {unknown[0].category!r}. Export it again.'
        )
    for entry in files.values():
        name = PurePosixPath(entry['file_name'])
        if name.is_absolute() or '..' in name.parts or not name.name:
            raise DataError(f'{path}: file_name {str(name)!r} leads out of the folder of images; make it relative.')
    return Instances(path, files, categories, instances)


def _instance(entry: dict[str, Any]) -> Instance:
    area = None if entry.get('area') is None else float(entry['area'])
    crowd = bool(entry.get('iscrowd', 0))
    return Instance(entry['category_id'], entry['image_id'], entry.get('segmentation'), area, crowd)


def _choose(
    content: Instances, folder: Path, min_area: float, excluded: Counter[str], summary: Summary
) -> dict[Any, dict[Any, list[Instance]]]:
    """Large instances by category and image; ``excluded`` counts the others by reason."""
    chosen: dict[Any, dict[Any, list[Instance]]] = defaultdict(lambda: defaultdict(list))
    for instance in content.instances:
        entry = content.files[instance.image]
        if instance.crowd:
            excluded['are crowds (iscrowd 1, as some programs mark every brushed mask)'] += 1
        elif not instance.segmentation:
            excluded['have no mask (segmentation), as boxes alone'] += 1
            summary.leave_out(
                'instances without a mask', f'{content.categories[instance.category]} in {stem_of(entry)}'
            )
        else:
            if instance.area is None:
                mask = mask_of(instance, stated_shape(_as_on_disk(folder / entry['file_name']), entry), content.path)
                instance = Instance(instance.category, instance.image, instance.segmentation, float(mask.sum()), False)
            if (instance.area or 0) > min_area:
                chosen[instance.category][instance.image].append(instance)
            else:
                excluded[f'are not larger than {min_area:g} pixels'] += 1
    return chosen


def stem_of(entry: dict[str, Any]) -> str:
    return str(PurePosixPath(entry['file_name']).with_suffix(''))


def _as_on_disk(path: Path) -> Path:
    """A file whose suffix is spelled otherwise on the disk, as IMG.JPG where the annotations say IMG.jpg."""
    if path.exists():
        return path
    suffixes = (path.suffix.upper(), path.suffix.lower())
    return next((other for suffix in suffixes if (other := path.with_suffix(suffix)).exists()), path)


def _posix(name: str) -> str:
    """As programs on Windows write it, too."""
    return str(name).replace('\\', '/')


def stated_shape(image: Path, entry: dict[str, Any]) -> Shape:
    """(height, width) of an image, which the file must state rightly where it does."""
    shape = image_size(image)
    stated = entry.get('height', shape[0]), entry.get('width', shape[1])
    if stated != shape:
        raise DataError(
            f'{image} is {shape[1]}x{shape[0]} (width x height), its annotations are of {stated[1]}x{stated[0]}. '
            'Was it turned or resized after they were made?'
        )
    return shape


def _write_member(
    source: Path,
    targets: tuple[Path, Path],
    entry: dict[str, Any],
    found: Sequence[Instance],
    size: int | None,
    how: str,
) -> None:
    image, mask = targets
    if image.exists() and mask.exists():
        return
    shape = stated_shape(source, entry)
    if size is None:
        take(source, image, how)
    elif not image.exists():
        write_png(image, cv2.resize(read_image(source), (size, size), interpolation=cv2.INTER_AREA))

    def union() -> np.ndarray:
        whole = np.zeros(shape, bool)
        for instance in found:
            whole |= mask_of(instance, shape, source)
        values = whole * np.uint8(255)
        return values if size is None else cv2.resize(values, (size, size), interpolation=cv2.INTER_NEAREST)

    write_grey(mask, union)


def mask_of(instance: Instance, shape: Shape, where: Path) -> np.ndarray:
    try:
        return instance_mask(instance.segmentation, shape)
    except (DataError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise DataError(f'{where}: a mask of image {instance.image!r} cannot be read: {error}.') from error


def instance_mask(segmentation: Any, shape: Shape) -> np.ndarray:
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


def _from_runs(runs: dict[str, Any], shape: Shape) -> np.ndarray:
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
