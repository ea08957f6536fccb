"""Releases of image sets, six pairs of a few pixels each, in the folders that their authors or public loaders describe."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.datasets.checking.folders import SIZE, draw_image, mask, save

COUNT = 6


@dataclass(frozen=True)
class Release:
    """How a set is passed on.

    Attributes:
        make: Writes it below a folder.
        keys: Of its pairs, in natural order.
        mask: Place of the mask of a key below that folder; '' where masks are no files.
        truth: Label of every pair, by its number.
        encoding: That its labels are read with.
    """

    make: Callable[[Path], None]
    keys: tuple[str, ...]
    mask: str
    truth: Callable[[int], np.ndarray]
    encoding: str = 'binary'


def binary(number: int) -> np.ndarray:
    """A rectangle, 0 and 1, in another place for each number."""
    return (mask(left=number) > 0).astype(np.uint8)


def _grey(number: int) -> np.ndarray:
    return binary(number) * np.uint8(255)


def _split(
    images: str, masks: str, keys: tuple[str, ...], suffix: str = '.jpg', extra: tuple[str, ...] = ()
) -> Release:
    def make(root: Path) -> None:
        for number, key in enumerate(keys):
            save(root / images / f'{key}{suffix}', draw_image(number))
            save(root / masks / f'{key}.png', _grey(number))
        for key in extra:
            save(root / images / f'{key}{suffix}', draw_image(99))

    return Release(make, keys, f'{masks}/{{}}.png', binary)


def _numbers(width: int) -> tuple[str, ...]:
    return tuple(f'{number:0{width}d}' for number in range(1, COUNT + 1))


def _duts(root: Path) -> None:
    for number, key in enumerate(_DUTS):
        part = 'DUTS-TE' if key.startswith('ILSVRC') else 'DUTS-TR'
        save(root / part / f'{part}-Image' / f'{key}.jpg', draw_image(number))
        save(root / part / f'{part}-Mask' / f'{key}.png', _grey(number))


_DUTS = tuple(f'ILSVRC2012_test_{n:08d}' for n in range(3)) + tuple(f'n0153_{n}_a.b' for n in range(3))


def _levels(number: int) -> np.ndarray:
    """Fractions of annotators, none of which may be half."""
    values = mask(left=number, value=255 * (number + 1) // 7)
    values[8:10, number + 2 : number + 6] = 255 * min(number + 2, 7) // 7
    return values


def _pascal(root: Path) -> None:
    for number in range(COUNT):
        for kind, write in (('imgs', draw_image), ('masks', _levels)):
            suffix = '.jpg' if kind == 'imgs' else '.png'
            save(root / 'datasets' / kind / 'pascal' / f'{number + 1}{suffix}', write(number))
            save(root / 'datasets' / kind / 'bruce' / f'{number + 50}{suffix}', write(number))


def _twins(folder: str, keys: tuple[str, ...]) -> Release:
    def make(root: Path) -> None:
        for number, key in enumerate(keys):
            save(root / folder / f'{key}.jpg', draw_image(number))
            save(root / folder / f'{key}.png', _grey(number))

    return Release(make, keys, f'{folder}/{{}}.png', binary)


_THUR = tuple(f'{name}/{number}' for name in ('Butterfly', 'Giraffe') for number in (1, 2, 10))


def _thur(root: Path) -> None:
    for number, key in enumerate(_THUR):
        name, stem = key.split('/')
        save(root / 'THUR15000' / name / 'Src' / f'{stem}.jpg', draw_image(number))
        save(root / 'THUR15000' / name / 'Src' / f'{stem}.png', _grey(number))
    save(root / 'THUR15000/Giraffe/Src/77.jpg', draw_image(99))


_FSS = tuple(f'{name}/{number}' for name in ('ab_wheel', 'cat & dog') for number in (1, 2, 10))


def _fss(root: Path) -> None:
    for number, key in enumerate(_FSS):
        save(root / 'fewshot_data' / f'{key}.jpg', draw_image(number))
        save(root / 'fewshot_data' / f'{key}.png', np.repeat(_grey(number)[..., None], 3, 2))


LARGE = (960, 1280)


def large(number: int) -> np.ndarray:
    """Mask of a large image, whose edges lie between pixels of the small one."""
    values = np.zeros(LARGE, np.uint8)
    values[200:601, 101 + 40 * number : 502 + 40 * number] = 255
    return values


def small(number: int) -> np.ndarray:
    """Its label at half the size: a pixel is the object's where at least half of its four are."""
    return (large(number).reshape(480, 2, 640, 2).mean((1, 3)) >= 127.5).astype(np.uint8)


_HRSOD = tuple(f'{number}_o' for number in range(COUNT))


def _hrsod(root: Path) -> None:
    for number, key in enumerate(_HRSOD):
        part = 'train' if number < 4 else 'test'
        save(root / f'HRSOD_{part}' / f'{key}.jpg', draw_image(number, LARGE))
        save(root / f'HRSOD_{part}_mask' / f'{key}.png', large(number))


_BIG = tuple(f'2007_{number:03d}' for number in range(COUNT))


def _big(root: Path) -> None:
    for number, key in enumerate(_BIG):
        folder = root / 'BIG' / ('val' if number < 2 else 'test')
        save(folder / f'{key}_im.jpg', draw_image(number, LARGE))
        save(folder / f'{key}_seg.png', 255 - large(number))
        whole = large(number)
        if number == 5:
            upper, lower = whole.copy(), whole.copy()
            upper[400:], lower[:400] = 0, 0
            save(folder / f'{key}_person_gt.png', upper)
            save(folder / f'{key}_dog_gt.png', lower)
        else:
            save(folder / f'{key}_gt.png', whole)


def objects(number: int) -> np.ndarray:
    """Ids of two objects with a border of void."""
    labels = np.zeros(SIZE, np.uint8)
    labels[4:16, 3 : 12 + number] = 255
    labels[5:15, 4 : 11 + number] = 1
    labels[8:12, 20:28] = 2
    return labels


_VOC = tuple(f'2007_{number:06d}' for number in range(COUNT))


def _voc(root: Path) -> None:
    base = root / 'VOCdevkit/VOC2012'
    for number, key in enumerate(_VOC):
        save(base / 'JPEGImages' / f'{key}.jpg', draw_image(number))
        save(base / 'SegmentationObject' / f'{key}.png', objects(number), 'P')
        save(base / 'SegmentationClass' / f'{key}.png', objects(number), 'P')
    save(base / 'JPEGImages/2009_000001.jpg', draw_image(99))
    (base / 'Annotations').mkdir()
    (base / 'Annotations/2009_000001.xml').write_text('<annotation/>')
    lists = base / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    for name, keys in (('train', _VOC[:4]), ('val', _VOC[4:]), ('trainval', _VOC)):
        (lists / f'{name}.txt').write_text(''.join(f'{key}\n' for key in keys))


_COCO = tuple(f'{number:012d}' for number in range(9, 9 + COUNT))


def instances(number: int) -> np.ndarray:
    """Two objects, of which the second covers a part of the first."""
    labels = np.zeros(SIZE, np.uint8)
    labels[4:16, 3 : 12 + number] = 1
    labels[8:20, 10:14] = 2
    return labels


def _coco(root: Path) -> None:
    height, width = SIZE
    lines = []
    for number, key in enumerate(_COCO):
        save(root / 'train2017' / f'{key}.jpg', draw_image(number))
        first = [3, 4, 12 + number, 4, 12 + number, 16, 3, 16]
        whole = np.zeros(SIZE, np.uint8)
        whole[8:20, 10:14] = 1
        edges = np.flatnonzero(np.diff(whole.T.ravel(), prepend=0, append=0))
        runs = np.diff([0, *edges.tolist(), height * width]).tolist()
        shared = dict(image_id=int(key), category_id=7)
        lines.append(dict(shared, segmentation=[first], area=100, iscrowd=0))
        lines.append(dict(shared, segmentation=dict(counts=runs, size=[height, width]), area=48, iscrowd=0))
        lines.append(dict(shared, segmentation=dict(counts=[0, height * width], size=[height, width]), iscrowd=1))
    save(root / 'train2017/000000000999.jpg', draw_image(99))
    files = [dict(id=int(key), file_name=f'{key}.jpg', height=height, width=width) for key in (*_COCO, '000000000999')]
    (root / 'annotations').mkdir(parents=True)
    content = dict(images=files, annotations=lines, categories=[dict(id=7, name='cat')])
    (root / 'annotations/instances_train2017.json').write_text(json.dumps(content))


_OMRON = ('img_561715398', 'sun_bqfgwnmzhjwuphdi', 'sun_bswlalhygmnrhvuw', 'sun_buaqzytduodbufcb')
RELEASES = {
    'ECSSD': _split('images', 'ground_truth_mask', _numbers(4)),
    'DUTS': Release(_duts, _DUTS, '', binary),
    'DUT-OMRON': _split(
        'DUT-OMRON-image/DUT-OMRON-image', 'pixelwiseGT-new-PNG', tuple(f'im{n:03d}' for n in range(6)), extra=_OMRON
    ),
    'PASCAL-S': Release(
        _pascal, tuple('123456'), 'datasets/masks/pascal/{}.png', lambda n: _levels(n).astype(np.float32) / 255, 'soft'
    ),
    'HKU-IS': _split('imgs', 'gt', _numbers(4), suffix='.png'),
    'THUR15K': Release(_thur, _THUR, '', binary),
    'MSRA10K': _twins('MSRA10K_Imgs_GT/Imgs', ('9', '77', '100', '2000', '10001', '200002')),
    'MSRA-B': _twins('MSRA-B', tuple(f'0_{n}_{n}{n}' for n in range(COUNT))),
    'HRSOD': Release(_hrsod, _HRSOD, '', small),
    'BIG': Release(_big, _BIG, '', small),
    'FSS-1000': Release(_fss, _FSS, 'fewshot_data/{}.png', binary),
    'VOC2012': Release(_voc, _VOC, 'VOCdevkit/VOC2012/SegmentationObject/{}.png', objects, 'index'),
    'COCO': Release(_coco, _COCO, '', instances, 'index'),
}


def masks_of(root: Path, name: str, numbers: Sequence[int] = range(COUNT)) -> list[Path]:
    """Mask files of some pairs of a release."""
    release = RELEASES[name]
    keys = [release.keys[number] for number in numbers]
    if release.mask:
        return [root / release.mask.format(key) for key in keys]
    folders = {
        'DUTS': 'DUTS-T?/*-Mask/{}.png',
        'THUR15K': 'THUR15000/{}.png',
        'HRSOD': 'HRSOD_*_mask/{}.png',
        'BIG': 'BIG/*/{}*_gt.png',
    }
    places = [key.replace('/', '/Src/') if name == 'THUR15K' else key for key in keys]
    return [path for place in places for path in root.glob(folders[name].format(place))]


def litter(root: Path) -> None:
    """What file managers and archives leave in every folder."""
    for folder in [root, *(path for path in root.rglob('*') if path.is_dir())]:
        for name in ('.DS_Store', 'Thumbs.db', '._x.jpg', '._x.png', 'readme.md'):
            (folder / name).write_bytes(b'x')
    save(root / '__MACOSX/images/._0001.jpg', draw_image(0))
    save(root / '__MACOSX/images/0001.jpg', draw_image(0))


def shout(root: Path) -> None:
    """All images and masks with suffixes in capitals."""
    for path in list(root.rglob('*')):
        if path.suffix in ('.jpg', '.png') and path.name[0] != '.':
            path.rename(path.with_suffix(path.suffix.upper()))
