"""Releases for co-saliency: groups of images with a common object, section 4 of the layouts."""

from collections.abc import Sequence

import numpy as np

from tests.releases.drawing import soft
from tests.releases.image_sets import add
from tests.releases.release import Archive, Maker, Order, Release


def groups(order: Order, default: dict[str, Sequence[str]], pattern: str) -> dict[str, list[str]]:
    """Groups with their stems; `names` are groups, `length` images in each."""
    if order.names is None and not order.length:
        return {group: list(stems) for group, stems in default.items()}
    named = list(default) if order.names is None else [g for names in order.splits(all=()).values() for g in names]
    numbers = range(1, (order.length or 3) + 1)
    return {group: [pattern.format(group=group, number=number) for number in numbers] for group in named}


def tree(order: Order, name: str, members: dict[str, list[str]], folders: Sequence[str], **how: object) -> Archive:
    """Two parallel trees; `folders` are their paths in the archive, `suffixes` those of image and mask."""
    suffixes = how.pop('suffixes', ('.jpg', '.png'))
    archive = Archive(order, name, 'group', str(how.pop('variant', '')))
    part = archive.part(mask_folder='gt')
    for group, stems in members.items():
        for stem in stems:
            paths = [f'{folder.format(group=group)}/{stem}{end}' for folder, end in zip(folders, suffixes)]
            add(archive, part, order, f'{group}/{stem}', paths, **how)
    return archive


def boxes(archive: Archive, folder: str) -> None:
    """A text file per image beside the masks, which no loader may take for a mask."""
    for key, mask in archive.release.masks.items():
        rows, columns = np.nonzero(mask)
        ends = columns.min(), rows.min(), columns.max(), rows.max()
        archive.text(f'{folder}/{key}.txt', ' '.join(map(str, ends)) + '\n')


def instances(archive: Archive, folder: str) -> None:
    """Colour-coded instances: a second tree of .png with the same names as the masks."""
    for key, mask in archive.release.masks.items():
        archive.raster(f'{folder}/{key}.png', np.stack([mask * 128, mask * 64, mask * 0], axis=-1).astype(np.uint8))


def coca(order: Order) -> Release:
    """A group name with a blank, one stem in two groups, boxes and instances beside the masks."""
    default = {
        'accordion': ('51499', '97634', '334417'),
        'alarm clock': ('51499', '9590', '120021', '577539'),
        'backpack': ('3711', '110449', '200267'),
    }
    members = groups(order, default, '{number}')
    archive = tree(order, 'CoCA', members, ('CoCA/image/{group}', 'CoCA/binary/{group}'))
    boxes(archive, 'CoCA/bbox')
    instances(archive, 'CoCA/instance')
    return archive.release


def cosod3k(order: Order) -> Release:
    """ILSVRC names; the second group ends in .JPEG."""
    default = {
        'airplane': ('ILSVRC2012_val_00000398', 'ILSVRC2012_val_00001019', 'ILSVRC2014_train_00007471'),
        'axe': ('ILSVRC2012_val_00000293', 'ILSVRC2012_val_00002242', 'ILSVRC2012_val_00010218'),
        'yak': ('ILSVRC2013_val_00000001', 'ILSVRC2013_val_00000043', 'ILSVRC2012_val_00048204'),
    }
    members = groups(order, default, 'ILSVRC2012_val_{number:08d}')
    archive = Archive(order, 'CoSOD3k', 'group')
    part = archive.part(mask_folder='gt')
    for index, (group, stems) in enumerate(members.items()):
        suffix = '.JPEG' if index == 1 else '.jpg'
        for stem in stems:
            paths = f'CoSOD3k/Image/{group}/{stem}{suffix}', f'CoSOD3k/GroundTruth/{group}/{stem}.png'
            add(archive, part, order, f'{group}/{stem}', paths)
    boxes(archive, 'CoSOD3k/BoundingBox')
    instances(archive, 'CoSOD3k/SegmentationObject')
    return archive.release


def cosal2015(order: Order, top: str = 'Cosal2015/') -> Release:
    default = {
        group: [f'{group}_{number:03d}' for number in numbers]
        for group, numbers in {'aeroplane': (1, 2, 14), 'babycrib': (1, 3, 31), 'zebra': (2, 10, 40)}.items()
    }
    members = groups(order, default, '{group}_{number:03d}')
    return tree(order, 'Cosal2015', members, (f'{top}Image/{{group}}', f'{top}GroundTruth/{{group}}')).release


ICOSEG = {
    'Agra_Taj Mahal-Inde_chrisbuettner': ('14-117_1', '170_3', '191_a'),
    'Alaskan Brown Bear': ('bear_1', 'bear_2', 'bear_3', 'bear_4'),
    "Women's Soccer - 10'": ('20_b', '21', '3'),
}


def icoseg(order: Order, folders: Sequence[str] = ('images/{group}', 'ground_truth/{group}')) -> Release:
    """Group names with blanks and punctuation, stems that end in letters or digits, one group of 1-bit masks."""
    members = groups(order, ICOSEG, '{number}_a')
    archive = Archive(order, 'iCoseg', 'group')
    part = archive.part(mask_folder='gt')
    for index, (group, stems) in enumerate(members.items()):
        for stem in stems:
            paths = [f'{folder.format(group=group)}/{stem}{end}' for folder, end in zip(folders, ('.jpg', '.png'))]
            add(archive, part, order, f'{group}/{stem}', paths, mode='1' if index == 2 else '')
    return archive.release


MSRC = {'car': ('7_3_s', '7_10_s', '7_30_s'), 'cow': ('5_1_s', '5_10_s', '5_2_s'), 'face': ('6_1_s', '6_12_s', '6_9_s')}


def msrc(order: Order) -> Release:
    """Masks in a folder below the images of their group, both .bmp, with grey values between."""
    members = groups(order, MSRC, '5_{number}_s')
    ends = dict(suffixes=('.bmp', '.bmp'), store=soft)
    return tree(order, 'MSRC', members, ('MSRC/{group}', 'MSRC/{group}/GroundTruth'), **ends).release


def msrc_benchmark(order: Order) -> Release:
    members = groups(order, MSRC, '5_{number}_s')
    return tree(order, 'MSRC', members, ('MSRC/Image/{group}', 'MSRC/GroundTruth/{group}')).release


def coco_seg(order: Order, top: str = 'COCO9213', size: tuple[int, int] | None = (224, 224)) -> Release:
    """Images and masks are both .png with equal names; the copy of 224 pixels is the one that is trained on."""
    default = {
        'apple': ('COCO_train2014_000000000072', 'COCO_train2014_000000012345', 'COCO_train2014_000000333444'),
        'baseball bat': ('COCO_train2014_000000000072', 'COCO_train2014_000000000510', 'COCO_train2014_000000499999'),
        'zebra': ('COCO_train2014_000000011149', 'COCO_train2014_000000021153', 'COCO_train2014_000000057870'),
    }
    members = groups(order, default, 'COCO_train2014_{number:012d}')
    folders = f'{top}/img/{{group}}', f'{top}/gt/{{group}}'
    return tree(order, 'CoCo-SEG', members, folders, suffixes=('.png', '.png'), size=order.size or size).release


def variants(name: str, **makes: object) -> Maker:
    return Maker(name, 'group', makes)  # type: ignore[arg-type]


GROUP_SETS = [
    variants('CoCA', released=coca),
    variants('CoSOD3k', released=cosod3k),
    variants('Cosal2015', released=cosal2015, bare=lambda order: cosal2015(order, 'CoSal2015/')),
    variants(
        'iCoseg',
        released=icoseg,
        benchmark=lambda order: icoseg(order, ('iCoseg/Image/{group}', 'iCoseg/GroundTruth/{group}')),
    ),
    variants('MSRC', released=msrc, benchmark=msrc_benchmark),
    variants('CoCo-SEG', released=coco_seg, original=lambda order: coco_seg(order, 'COCO9213-os', None)),
]
