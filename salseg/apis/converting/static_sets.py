"""VOC 2012 and COCO as still images with object ids."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.converting.coco import Instance, mask_of, read_coco, stated_shape, stem_of
from salseg.apis.converting.files import Progress, Summary, separate, with_progress, write_ids
from salseg.apis.converting.forms import Form, find_pairs, read_tree
from salseg.apis.converting.image_pairs import put_image, put_pairs
from salseg.apis.converting.pairing import nothing_found, pair
from salseg.io.annotations import UNKNOWN
from salseg.io.files import write_text
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import by_stem, walk_files
from salseg.io.lists import read_list

VOC_LISTS = ('train', 'val', 'trainval')
_VOC = (Form(('VOC2012/JPEGImages', 'JPEGImages'), ('VOC2012/SegmentationObject', 'SegmentationObject')),)
_INSTANCES = 'instances_train2017.json'


def convert_voc(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """PASCAL VOC 2012: images that have a segmentation into objects, and the lists of them.

    Args:
        source: Folder ``VOCdevkit``, ``VOC2012``, or the one around it.
        out: Gets ``image/``, ``mask/`` (ids, 255 void) and ``train.txt``, ``val.txt``, ``trainval.txt``.
        partial: Take what is there however many of the listed images lack a mask.
        how: 'copy', 'hardlink' or 'symlink'.
        progress: Told how many pairs are done.

    Raises:
        DataError: Nothing pairs, or more than half of the masks are missing.
    """
    separate(source, out)
    tree = read_tree(source)
    found = find_pairs(tree, _VOC)
    summary = Summary(out)
    # Another year's lists may lie beside.
    lists = _voc_lists(tree.path(found.folders[0]).parent)
    listed = {key for keys in lists.values() for key in keys}
    unlabelled = {key for key in found.images if key not in listed} if lists else None
    keys = pair(found.images, found.masks, source, summary, partial=partial, unlabelled=unlabelled)
    put_pairs(found, keys, out, how, progress)
    summary.count('pairs', len(keys))
    there = set(keys)
    if not lists:
        summary.note('no list of the splits was found', 'ImageSets/Segmentation; all pairs are used')
    for name, members in lists.items():
        write_text(out / f'{name}.txt', ''.join(f'{key}\n' for key in members if key in there))
    return summary


def _voc_lists(source: Path) -> dict[str, list[str]]:
    """Keys of each list of the segmentation task."""
    lists = {}
    for path in walk_files(source, ('.txt',)):
        parent, name = Path(path).parent.name, Path(path).stem
        if parent.lower() == 'segmentation' and name.lower() in VOC_LISTS:
            lists[name.lower()] = read_list(source / path)
    return lists


def convert_coco(
    source: Path,
    out: Path,
    images: str | None = None,
    annotations: Path | None = None,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """COCO's instances as ids of objects, image by image; crowd regions are left out.

    Where instances overlap the one that stands later in the file is on top.

    Args:
        source: Folder with ``train2017/`` and ``annotations/``, each with or without a folder around it.
        out: Gets ``image/`` and ``mask/``, palette PNGs.
        images: Pattern of another folder of images.
        annotations: Another file of instances.
        how: 'copy', 'hardlink' or 'symlink' images.
        progress: Told how many images are done.

    Raises:
        DataError: A part is missing, the file is no instance annotation, or an image has another size than it says.
    """
    separate(source, out)
    tree = read_tree(source)
    pattern = images or 'train2017'
    folders = tree.fitting(pattern, IMAGE_SUFFIXES)
    if not folders:
        raise nothing_found(source, 'no folder of images', (f'{pattern}/',))
    files = {stem: path for folder in folders for stem, path in by_stem(tree.path(folder)).items()}
    content = read_coco(annotations or _instances_file(source))
    summary = Summary(out)
    objects = _objects(content.instances, summary)
    numbers = {stem_of(entry): number for number, entry in content.files.items()}
    labelled = {stem: objects[number] for stem, number in numbers.items() if number in objects}
    keys = pair(files, labelled, source, summary, 'instance', unlabelled=None)
    for key in with_progress(keys, progress):
        entry = content.files[numbers[key]]
        write_ids(out / 'mask' / f'{key}.png', _ids, files[key], entry, labelled[key], content.path)
        put_image(files[key], out, key, how)
    summary.count('pairs', len(keys))
    summary.count('objects', sum(len(labelled[key]) for key in keys))
    return summary


def _instances_file(source: Path) -> Path:
    found = next((name for name in walk_files(source, ('.json',)) if Path(name).name.lower() == _INSTANCES), None)
    if found is None:
        raise nothing_found(source, 'no annotations', (_INSTANCES,))
    return source / found


def _objects(instances: Sequence[Instance], summary: Summary) -> dict[Any, list[Instance]]:
    """Instances with a mask by image; what is left out is counted."""
    objects: dict[Any, list[Instance]] = defaultdict(list)
    left: Counter[str] = Counter()
    for instance in instances:
        if instance.crowd:
            left['crowd regions (iscrowd 1)'] += 1
        elif not instance.segmentation:
            left['instances without a mask'] += 1
        elif len(objects[instance.image]) == UNKNOWN - 1:
            left[f'instances beyond {UNKNOWN - 1} of an image'] += 1
        else:
            objects[instance.image].append(instance)
    for reason, number in left.items():
        summary.note('instances that are left out', f'{number} {reason}')
    return {image: found for image, found in objects.items() if found}


def _ids(image: Path, entry: dict[str, Any], instances: Sequence[Instance], where: Path) -> np.ndarray:
    shape = stated_shape(image, entry)
    labels = np.zeros(shape, np.uint8)
    for number, instance in enumerate(instances, 1):
        labels[mask_of(instance, shape, where)] = number
    return labels
