"""Releases of image groups in a few pixels, each as its archive unpacks; `TRUTH` is what must come out."""

import json

import numpy as np
from PIL import Image

from tests.datasets.checking.folders import SIZE, draw_image, mask, save


def truth(number):
    """Masks that differ from image to image."""
    return mask(left=2 + number)


def parallel(root, images, masks, names, suffix='.jpg'):
    """A folder of groups of images beside one of masks; the same stems in each group."""
    for place, group in enumerate(names):
        for number in range(3):
            save(root / images / group / f'0{number}.5{suffix}', draw_image(10 * place + number))
            save(root / masks / group / f'0{number}.5.png', truth(10 * place + number))
    return root


def coca(root):
    """``image``, ``binary`` and folders that nobody reads; a group with a blank; equal stems in both."""
    parallel(root, 'image', 'binary', ('accordion', 'alarm clock'))
    save(root / 'instance/accordion/00.5.png', np.ones(SIZE, np.uint8))
    (root / 'bbox/accordion').mkdir(parents=True)
    (root / 'bbox/accordion/00.5.txt').write_text('1 2 3 4')
    return root


def cosod3k(root):
    return parallel(root, 'Image', 'GroundTruth', ('accordion', 'alarm clock'), '.JPEG')


def cosal(root):
    return parallel(root, 'Image', 'GroundTruth', ('accordion', 'alarm clock'))


def icoseg(root):
    return parallel(root, 'images', 'ground_truth', ('accordion', 'alarm clock'))


def msrc(root):
    """Bitmaps, masks in a folder of each class, with grey edges and of one bit."""
    for place, group in enumerate(('accordion', 'alarm clock')):
        for number in range(3):
            values = truth(10 * place + number)
            save(root / group / f'0{number}.5.bmp', draw_image(10 * place + number))
            folder = root / group / 'GroundTruth'
            if number == 2:
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(values > 0).save(folder / f'0{number}.5.bmp')
            else:
                values[5, 8:12], values[18, 8:12] = 100, 30
                save(folder / f'0{number}.5.bmp', values)
    return root


def coco_seg(root):
    return parallel(root, 'img', 'gt', ('accordion', 'alarm clock'), '.png')


GROUPS = {
    'CoCA': coca,
    'CoSOD3k': cosod3k,
    'Cosal2015': cosal,
    'iCoseg': icoseg,
    'MSRC': msrc,
    'CoCo-SEG': coco_seg,
}
SUFFIXES = {'CoSOD3k': '.jpeg', 'MSRC': '.bmp', 'CoCo-SEG': '.png'}
# Annotations of a release, for tests that take some away; a mask is called so by its folder.
MASKS = ('binary', 'GroundTruth', 'ground_truth', 'gt')


def coco(root):
    """COCO: three images of cats, one of them with a crowd, and a dog that is too small."""
    square = [20.0, 10.0, 100.0, 10.0, 100.0, 90.0, 20.0, 90.0]
    annotations = [dict(image_id=n, category_id=17, segmentation=[square], area=6400, iscrowd=0) for n in range(3)]
    annotations.append(
        dict(image_id=0, category_id=17, segmentation=dict(size=[100, 120], counts=[0, 12000]), area=12000, iscrowd=1)
    )
    annotations.append(dict(image_id=1, category_id=18, segmentation=[square], area=3999, iscrowd=0))
    images = [dict(id=n, file_name=f'{n:012d}.jpg', height=100, width=120) for n in range(3)]
    for entry in images:
        save(root / 'train2017' / entry['file_name'], draw_image(entry['id'], (100, 120)))
    categories = [dict(id=17, name='cat'), dict(id=18, name='dog')]
    (root / 'annotations').mkdir()
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / 'annotations/instances_train2017.json').write_text(json.dumps(content))
    return root
