"""Drawn stand-ins for published data sets: the tree that `salseg convert` leaves, with drawn images of the set's usual size.

A recipe can then be built, timed and counted without the sets. Lists name videos of the release, and are taken out.
"""

import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from salseg.datasets.synthetic.images import draw_image
from salseg.datasets.synthetic.videos import draw_video
from salseg.datasets.synthetic.writers import palette

# (height, width) as most images of a set have it.
SIZES = {
    'CoCo-SEG': (224, 224), 'FSS-1000': (224, 224), 'HRSOD': (480, 720), 'BIG': (480, 720), 'COCO': (480, 640),
    'VOC2012': (375, 500), 'DAVIS-2016': (480, 854), 'DAVIS-2017': (480, 854), 'YouTube-VOS': (480, 853),
    'BL30K': (512, 768), 'FBMS': (480, 640), 'VOS': (448, 800),
}  # fmt: skip
USUAL = (300, 400)
IMAGES, VIDEOS, FRAMES, GROUPS = 6, 2, 32, 3
# Labels of which a recipe keeps one.
SPARSEST = 20
_OF_THE_RELEASE = ('list_file', 'videos', 'layout_options')


def folder_sets(node: Any) -> Iterator[Any]:
    """Data sets of a config that read a folder, as mutable nodes."""
    if isinstance(node, Mapping):
        if 'data_root' in node and 'type' in node:
            yield node
        for value in list(node.values()):
            yield from folder_sets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from folder_sets(value)


def draw_sets(node: Any, scale: float = 1.0) -> None:
    """Draw every set that a config's data set reads, below the working folder, and take its lists out of the config.

    Guidance masks are not drawn; the steps that read them are taken out.

    Args:
        scale: Of the images' sides.
    """
    for found in folder_sets(node):
        _draw(found, scale)
        for key in _OF_THE_RELEASE:
            found.pop(key, None)
    _without_guidance(node)


def _without_guidance(node: Any) -> None:
    """Take out the reading of guidance masks, which a network would have to make first."""
    if isinstance(node, MutableMapping):
        steps = node.get('pipeline')
        if steps:
            node['pipeline'] = [step for step in steps if step.get('type') != 'LoadGuidance']
        for value in list(node.values()):
            _without_guidance(value)
    elif isinstance(node, list | tuple):
        for value in node:
            _without_guidance(value)


def _draw(node: Any, scale: float) -> None:
    root = Path(node['data_root'])
    height, width = (max(round(side * scale), 32) for side in SIZES.get(root.parts[1], USUAL))
    ids = node.get('encoding') == 'index'
    folder = 'scribble' if node.get('encoding') == 'scribble' else 'mask'
    if any((root / there).is_dir() for there in (folder, 'gt', 'Annotations')):
        return
    if node['type'] == 'SaliencyDataset':
        for number in range(IMAGES):
            image = draw_image(0, 'train', number, (height, width))
            labels = image.scribble if folder == 'scribble' else image.mask
            _write(root / 'image' / f'{number}.jpg', image.image)
            _write_mask(root / folder / f'{number}.png', labels, ids or folder == 'scribble')
    elif node['type'] == 'GroupDataset':
        for number in range(GROUPS * IMAGES * 2):
            image = draw_image(0, 'train', number, (height, width))
            key = f'{number % GROUPS}/{number}'
            _write(root / 'image' / f'{key}.png', image.image)
            _write_mask(root / 'gt' / f'{key}.png', image.mask, False)
    else:
        _draw_videos(root, (height, width), ids, node)


def _draw_videos(root: Path, size: tuple[int, int], ids: bool, node: Mapping[str, Any]) -> None:
    """Long enough for three kept labels of any recipe, which share the tree; frames beyond the first ones are these again."""
    every = node.get('nominal_interval', 1)
    count = 3 * SPARSEST * every + 1
    for video in range(VIDEOS):
        for number, frame in enumerate(draw_video(0, 'train', video, size=size, length=FRAMES, leaving=False)):
            _write(root / 'JPEGImages' / f'{video}/{number:05d}.jpg', frame.image)
            _write_mask(root / 'drawn' / f'{video}/{number:05d}.png', frame.labels, ids)
        (root / 'Annotations' / str(video)).mkdir(parents=True)
        for number in range(count):
            first = f'{video}/{number % FRAMES:05d}'
            if number >= FRAMES:
                os.link(root / 'JPEGImages' / f'{first}.jpg', root / 'JPEGImages' / f'{video}/{number:05d}.jpg')
            if number % every == 0:
                os.link(root / 'drawn' / f'{first}.png', root / 'Annotations' / f'{video}/{number:05d}.png')
    objects = {str(k): dict(category='thing', frames=[f'{number:05d}' for number in range(count)]) for k in (1, 2)}
    meta = dict(videos={str(video): dict(objects=objects) for video in range(VIDEOS)})
    (root / 'meta.json').write_text(json.dumps(meta), encoding='utf-8')


def _write(path: Path, image: np.ndarray) -> None:
    """An RGB image as cameras and releases compress it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix == '.jpg' else []
    cv2.imwrite(str(path), image[..., ::-1], quality)


def _write_mask(path: Path, labels: np.ndarray, ids: bool) -> None:
    """Ids, or 0 and 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nothing is synced to the disk: all of it is thrown away.
    image = Image.fromarray(labels.astype(np.uint8) if ids else (labels > 0) * np.uint8(255))
    if ids:
        image.putpalette(palette())
    image.save(path)
