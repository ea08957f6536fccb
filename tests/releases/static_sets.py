"""Releases that networks are pre-trained on: classes, large images, palettes, COCO: sections 3 and 7 of the layouts."""

import json

import numpy as np

from tests.releases.drawing import VOID, full, image, mix, odd_size, soft
from tests.releases.image_sets import add, plain, stems
from tests.releases.release import Archive, Maker, Order, Release

LARGE = (510, 610)
SHORTER = 480


def fss1000(order: Order, top: str = '') -> Release:
    """A folder per class with numbered twins: every stem is in every class."""
    archive = Archive(order, 'FSS-1000', 'image')
    part = archive.part()
    for name in order.splits(all=('ab_wheel', 'abacus', 'zucchini'))['all']:
        for number in range(1, (order.length or 3) + 1):
            paths = f'{top}{name}/{number}.jpg', f'{top}{name}/{number}.png'
            add(archive, part, order, f'{name}/{number}', paths, store=soft)
    return archive.release


def fss1000_support(order: Order) -> Release:
    """The form of the published script: labels of three equal channels, stems with dots, blanks and signs."""
    archive = Archive(order, 'FSS-1000', 'image', 'support')
    part = archive.part()
    for name in ('abacus', 'banana_boat'):
        for stem in ('1', '2', '10', 'th.q=a&b 50%'):
            image_path = f'support/{name}/image/{stem}.jpg'
            array, ids = image(mix(order.seed, name, stem), odd_size(mix(name, stem), order.size))
            archive.image(part, f'{name}/{stem}', image_path, array)
            stored = np.stack([full(ids)] * 3, axis=-1)
            archive.mask(part, f'{name}/{stem}', f'support/{name}/label/{stem}.png', stored, ids > 0)
    return archive.release


def shrunk(release: Release) -> Release:
    """The conversion makes the shorter side 480; sides are rounded as the converter likes."""
    for part in release.parts:
        for key, array in part.images.items():
            height, width = array.shape[:2]
            scale = SHORTER / min(height, width)
            part.sizes[key] = round(height * scale), round(width * scale)
    return release


def hrsod(order: Order) -> Release:
    """Images and masks in folders named after their split; one image has a tag that a viewer would turn it by."""
    archive = Archive(order, 'HRSOD', 'image')
    part = archive.part()
    default = {'train': ('10052145_a4b4b4d4b1_o', '14028358_dc0eb9a3a4_o', '2309587_o'), 'test': ('5142321_o', '988_k')}
    for split, names in order.splits(**default).items():
        for index, stem in enumerate(names):
            paths = f'HRSOD_{split}/{stem}.jpg', f'HRSOD_{split}_mask/{stem}.png'
            turned = 6 if (split, index) == ('train', 1) else 1
            add(archive, part, order, stem, paths, size=large(order, stem), orientation=turned)
        archive.release.lists[f'{split}.txt'] = names
    return shrunk(archive.release)


def large(order: Order, stem: str) -> tuple[int, int]:
    """Shorter side over 480 in most; every third image stands upright."""
    height, width = odd_size(mix(order.seed, stem), order.size or LARGE)
    return (width, height) if mix(stem) % 3 == 0 else (height, width)


BIG = ('2007_000123', '2008_001882', 'ADE_train_00000571', 'big_0007')


def big(order: Order, objects: bool = False) -> Release:
    """_im.jpg, _gt.png and a coarse _seg.png in one folder; with `objects` the last image has two truths."""
    archive = Archive(order, 'BIG', 'image')
    part = archive.part()
    names = stems(order, BIG, 'big_{:04d}')
    for index, stem in enumerate(names):
        folder = 'BIG/val' if index % 2 else 'BIG/test'
        array, ids = image(mix(order.seed, 'BIG', stem), large(order, stem), 2)
        archive.image(part, stem, f'{folder}/{stem}_im.jpg', array)
        archive.raster(f'{folder}/{stem}_seg.png', np.roll(full(ids), 9, axis=1))
        if objects and index == len(names) - 1:
            for number in (1, 2):
                archive.mask(part, stem, f'{folder}/{stem}_gt_{number}.png', full(ids == number), ids > 0)
            archive.release.notes.append(f'{stem}: two objects; one pair with their union is expected')
        else:
            archive.mask(part, stem, f'{folder}/{stem}_gt.png', full(ids), ids > 0)
    return shrunk(archive.release)


def small(order: Order, name: str, folder: str) -> Release:
    """The bundle of static sets: images that are small already, mask beside image."""
    names = stems(order, ('a_0001', 'b_0002', 'c_0003'), 'a_{:04d}')
    return shrunk(plain(order, name, names, f'{folder}/{{stem}}.jpg', f'{folder}/{{stem}}.png', size=(480, 611)))


VOC = {'train': ('2007_000032', '2007_000039', '2007_000063'), 'val': ('2007_000033', '2008_000042')}
VOC_XML = '<annotation><filename>{0}.jpg</filename><object><name>dog</name></object></annotation>\n'


def ringed(ids: np.ndarray) -> np.ndarray:
    """Ids with a border of void of one pixel around every object."""
    padded = np.pad(ids, 1, mode='edge')
    around = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    edge = np.any([side != ids for side in around], axis=0)
    return np.where(edge, VOID, ids).astype(np.uint8)


def voc2012(order: Order) -> Release:
    """Annotations holds XML, two trees of palettes stand side by side, most images have no segmentation."""
    archive = Archive(order, 'VOC2012', 'image', annotated='some')
    part = archive.part(encoding='index')
    top = 'VOCdevkit/VOC2012'
    splits = order.splits(**VOC)
    for stem in (name for names in splits.values() for name in names):
        array, ids = image(mix(order.seed, 'VOC', stem), odd_size(mix(stem), order.size), 1 + mix(stem) % 3)
        archive.image(part, stem, f'{top}/JPEGImages/{stem}.jpg', array)
        archive.mask(part, stem, f'{top}/SegmentationObject/{stem}.png', ringed(ids), ringed(ids), 'P')
        # Classes: all objects of the image are of one class, so ids are lost here.
        classes = np.where(ids > 0, 12, 0).astype(np.uint8)
        archive.raster(f'{top}/SegmentationClass/{stem}.png', np.where(ringed(ids) == VOID, VOID, classes), 'P')
        archive.text(f'{top}/Annotations/{stem}.xml', VOC_XML.format(stem))
    for stem in ('2007_000027', '2009_000001', '2012_004331'):
        array, _ = image(mix(order.seed, 'VOC', stem), odd_size(mix(stem), order.size))
        archive.image(None, stem, f'{top}/JPEGImages/{stem}.jpg', array)
        archive.text(f'{top}/Annotations/{stem}.xml', VOC_XML.format(stem))
        archive.release.left_out[stem] = 'no segmentation'
    both = sorted(stem for names in splits.values() for stem in names)
    for split, names in [*splits.items(), ('trainval', both)]:
        archive.list(f'{top}/ImageSets/Segmentation/{split}.txt', names)
        if split != 'trainval':
            archive.release.lists[f'{split}.txt'] = names
    archive.list(f'{top}/ImageSets/Main/dog_train.txt', [f'{stem}  1' for stem in splits['train']])
    return archive.release


# x, y, width, height of a rectangle, its category and whether it is a crowd; images of 110 x 130.
CATEGORIES = {1: 'person', 18: 'dog', 10: 'traffic light', 37: 'sports ball'}
COCO = {
    9: [(5, 6, 70, 66, 18, 0), (90, 20, 20, 30, 1, 0)],
    25: [(20, 10, 80, 70, 18, 0)],
    1000: [(4, 4, 60, 90, 18, 0), (66, 8, 60, 80, 1, 0)],
    # Two large instances of one category and a tiny one.
    34567: [(2, 3, 62, 70, 1, 0), (66, 5, 62, 80, 1, 0), (10, 90, 3, 3, 1, 0)],
    # A crowd, larger than the object beside it.
    200001: [(3, 3, 60, 80, 1, 0), (64, 0, 60, 105, 1, 1)],
    400002: [(30, 30, 72, 70, 10, 0)],
    400010: [(10, 30, 70, 72, 10, 0), (100, 50, 12, 12, 37, 0)],
    # Small instances only: nothing for groups.
    500000: [(40, 40, 30, 30, 37, 0)],
    # No instance at all, and a crowd alone.
    500001: [],
    500002: [(3, 3, 90, 90, 1, 1)],
}
COCO_SIZE = (110, 130)
AREA = 4000


def coco_scene(order: Order, number: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """An image and a mask for each of its rectangles."""
    array = image(mix(order.seed, 'COCO', number), COCO_SIZE)[0].copy()
    masks = []
    for index, (x, y, width, height, category, _) in enumerate(COCO[number]):
        mask = np.zeros(COCO_SIZE, bool)
        mask[y : y + height, x : x + width] = True
        array[mask] = (40 * index + 60, 255 - 5 * category, 30 + 70 * index)
        masks.append(mask)
    return array, masks


def segmentation(mask: np.ndarray, box: tuple[int, ...]) -> object:
    """A polygon, two polygons for every second box, or run lengths down the columns for a crowd."""
    x, y, width, height, _, crowd = box
    if crowd:
        flat = np.concatenate([[0], mask.T.ravel().astype(int), [2]])
        changes = np.flatnonzero(np.diff(flat))
        return {'counts': np.diff(np.concatenate([[0], changes])).tolist(), 'size': list(mask.shape)}
    parts = [(y, y + height)] if x % 2 else [(y, y + height // 2), (y + height // 2, y + height)]
    return [[x, top, x + width, top, x + width, bottom, x, bottom] for top, bottom in parts]


def coco_archive(order: Order, name: str, kind: str) -> Archive:
    """train2017/ and instances_train2017.json; other annotation files stand beside it."""
    archive = Archive(order, name, kind, annotated='file')
    images, annotations = [], []
    for number in COCO:
        array, masks = coco_scene(order, number)
        archive.image(None, '', f'train2017/{number:012d}.jpg', array)
        height, width = COCO_SIZE
        images.append({'id': number, 'file_name': f'{number:012d}.jpg', 'height': height, 'width': width})
        for box, mask in zip(COCO[number], masks):
            annotations.append(
                {
                    'id': 900100 + len(annotations),
                    'image_id': number,
                    'category_id': box[4],
                    'iscrowd': box[5],
                    'area': float(mask.sum()),
                    'bbox': [float(side) for side in box[:4]],
                    'segmentation': segmentation(mask, box),
                }
            )
    categories = [{'id': number, 'name': name, 'supercategory': 'any'} for number, name in CATEGORIES.items()]
    document = {'info': {}, 'licenses': [], 'images': images, 'annotations': annotations, 'categories': categories}
    archive.text('annotations/instances_train2017.json', json.dumps(document))
    archive.text('annotations/captions_train2017.json', json.dumps({**document, 'annotations': []}))
    return archive


def edges(masks: list[np.ndarray]) -> np.ndarray:
    """Pixels at the border of any mask, where tools fill polygons differently."""
    found = np.zeros(COCO_SIZE, bool)
    for mask in masks:
        padded = np.pad(mask, 1, mode='edge')
        sides = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        found |= np.any([side != mask for side in sides], axis=0)
    return found


def coco(order: Order) -> Release:
    """A mask of ids per image; crowds and the tiny instance are not compared, since recipes treat them differently."""
    archive = coco_archive(order, 'COCO', 'image')
    part = archive.part(encoding='index', relabelled=True)
    for number, boxes in COCO.items():
        key = f'{number:012d}'
        array, masks = coco_scene(order, number)
        whole = [mask for box, mask in zip(boxes, masks) if not box[5] and mask.sum() > 9]
        if not whole:
            archive.release.left_out[key] = 'no instance' if not boxes else 'a crowd only'
            continue
        archive.known(part, key, f'train2017/{key}.jpg', array)
        part.masks[key] = sum(mask.astype(np.uint8) * (index + 1) for index, mask in enumerate(whole))
        open_to_taste = [mask for box, mask in zip(boxes, masks) if box[5] or mask.sum() <= 9]
        part.unsure[key] = np.any([edges(masks), *open_to_taste], axis=0)
    return archive.release


def coco_groups(order: Order) -> Release:
    """A group per category: images with an instance over 4000 pixels that is no crowd, their union as the mask."""
    archive = coco_archive(order, 'COCO-groups', 'group')
    part = archive.part(image_folder='img', mask_folder='gt')
    for category, name in CATEGORIES.items():
        for number, boxes in COCO.items():
            array, masks = coco_scene(order, number)
            mine = [m for b, m in zip(boxes, masks) if b[4] == category and not b[5] and m.sum() > AREA]
            key = f'{name}/{number:012d}'
            if not mine:
                if any(box[4] == category for box in boxes):
                    archive.release.left_out[key] = 'no instance over 4000 pixels'
                continue
            archive.known(part, key, f'train2017/{number:012d}.jpg', array)
            part.masks[key] = np.any(mine, axis=0).astype(np.uint8)
            part.unsure[key] = edges(masks)
    return archive.release


def variants(name: str, kind: str = 'image', **makes: object) -> Maker:
    return Maker(name, kind, makes)  # type: ignore[arg-type]


STATIC_SETS = [
    variants('HRSOD', released=hrsod, static=lambda order: small(order, 'HRSOD', 'HRSOD_small')),
    variants(
        'BIG',
        released=big,
        objects=lambda order: big(order, objects=True),
        static=lambda order: small(order, 'BIG', 'BIG_small'),
    ),
    variants(
        'FSS-1000',
        released=fss1000,
        support=fss1000_support,
        static=lambda order: fss1000(order, 'fss/'),
    ),
    variants('VOC2012', released=voc2012),
    variants('COCO', released=coco),
    variants('COCO-groups', 'group', released=coco_groups),
]
