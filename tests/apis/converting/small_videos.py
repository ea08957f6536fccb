"""Releases of videos in a few pixels, each as its archive unpacks."""

import json

import numpy as np

from tests.datasets.checking.folders import SIZE, draw_image, mask, save

VIDEOS = ('bear', 'cow')
FRAMES = 6


def ids(number):
    """Two objects, of which the second moves."""
    labels = mask(value=1)
    labels[20:23, 2 + number : 8 + number] = 2
    return labels


def union(number):
    return (ids(number) > 0) * np.uint8(255)


def video(root, images, labels, names=VIDEOS, values=ids, every=1, mode='P', first=0, step=1):
    """``images.format(video)`` and ``labels.format(video)`` hold numbered frames."""
    for place, name in enumerate(names):
        for number in range(FRAMES):
            stem = f'{first + number * step:05d}'
            save(root / images.format(name) / f'{stem}.jpg', draw_image(1000 * place + number))
            if number % every == 0:
                save(root / labels.format(name) / f'{stem}.png', values(number), mode)
    return root


def lists(root, year, pairs=False, **names):
    for name, members in names.items():
        lines = members
        if pairs:
            lines = [
                f'/JPEGImages/480p/{m}/{n:05d}.jpg /Annotations/480p/{m}/{n:05d}.png' for m in members for n in (0, 1)
            ]
        path = root / 'ImageSets' / year / f'{name.replace("_", "-")}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(lines) + '\n')


def davis16(root):
    """Masks of 0 and 255 at two resolutions, lists of pairs of paths."""
    for resolution in ('480p', '1080p'):
        video(root, f'JPEGImages/{resolution}/{{}}', f'Annotations/{resolution}/{{}}', values=union, mode=None)
    lists(root, '480p', pairs=True, train=['bear'], val=['cow'], trainval=['bear', 'cow'])
    return root


def davis17(root, names=('bear', 'cow', 'dog')):
    """Ids; lists of both years, the task of 2016 having fewer videos."""
    video(root, 'JPEGImages/480p/{}', 'Annotations/480p/{}', names)
    lists(root, '2017', train=['bear'], val=['cow', 'dog'])
    lists(root, '2016', train=['bear'], val=['cow'])
    return root


def davis_dev(root):
    video(root, 'JPEGImages/480p/{}', 'Annotations/480p/{}', every=FRAMES)
    lists(root, '2017', test_dev=list(VIDEOS), test_challenge=['elsewhere'])
    return root


def void(number):
    labels = ids(number)
    labels[0, :5] = 255
    return labels


def unsupervised(root):
    video(root, 'JPEGImages/480p/{}', 'Annotations_unsupervised/480p/{}', values=void)
    lists(root, '2017', train=['bear'], val=['cow'])
    lists(root, '2019', test_dev=['elsewhere'])
    return root


def youtube(root):
    """A training video without an object at first, a valid one in which the second object enters later."""
    train, valid = root / 'train', root / 'valid'
    video(train, 'JPEGImages/{}', 'Annotations/{}', step=5)
    save(train / 'Annotations/cow/00000.png', np.zeros(SIZE, np.uint8), 'P')
    stems = [f'{5 * number:05d}' for number in range(FRAMES)]
    entry = {'objects': {'1': {'category': 'x', 'frames': stems}, '2': {'category': 'y', 'frames': stems[2:]}}}
    video(valid, 'JPEGImages/{}', 'Annotations/{}', values=lambda n: (ids(n) == 1) * np.uint8(1), every=FRAMES, step=5)
    for name in VIDEOS:
        save(valid / 'Annotations' / name / '00010.png', (ids(2) == 2) * np.uint8(2), 'P')
    for split in (train, valid):
        (split / 'meta.json').write_text(json.dumps({'videos': dict.fromkeys(VIDEOS, entry)}))
    for number in range(26):
        folder = root / 'all_frames/valid_all_frames/JPEGImages/bear'
        save(folder / f'{number:05d}.jpg', draw_image(number))
    return root


def vos(root):
    """Numbers as names, sparse masks of 0 and 255 in every 15th frame."""
    for name in ('2', '10'):
        for number in range(46):
            save(root / 'JPEGImages' / name / f'{number:05d}.jpg', draw_image(number, (12, 16)))
            if number % 15 == 0:
                save(root / 'Annotations' / name / f'{number:05d}.png', mask((12, 16)))
    return root


def fbms(root):
    """A video of the PGM kind whose frames start at 5, and one of the PPM kind with PROB files."""
    cars, tennis = root / 'Trainingset/cars1', root / 'Testset/tennis'
    for number in range(5, 11):
        save(cars / f'cars1_{number:02d}.jpg', draw_image(number))
    for number in (5, 7, 10):
        save(cars / 'GroundTruth' / f'cars1_{number:02d}.pgm', ids(number - 5) * np.uint8(30))
    (cars / 'GroundTruth/cars1Def.dat').write_text('x')
    for number in range(1, 4):
        save(tennis / f'tennis{number:03d}.jpg', draw_image(40 + number))
    colour = np.full((*SIZE, 3), 255, np.uint8)
    colour[ids(2) == 1], colour[ids(2) == 2] = (0, 0, 0), (255, 0, 0)
    for number in (1, 2, 3):
        save(tennis / f'GroundTruth/tennis_{number:03d}_gt.ppm', colour)
        save(tennis / f'GroundTruth/tennis_{number:03d}_PROB_gt.ppm', 255 - colour)
    return root


def davsod(root):
    """Splits as folders, object and instance level."""
    for split, name in (
        ('Training Set', 'select_0001'),
        ('Validation Set', 'select_0616_1'),
        ('Testing Set/Easy-35', 'select_0002'),
        ('Testing Set/Difficult-20', 'select_0003'),
    ):
        below = f'{split}/{{}}'
        video(root, f'{below}/Imgs', f'{below}/GT_object_level', (name,), union, mode=None)
        video(root, f'{below}/Imgs', f'{below}/GT_instance_level', (name,))
    return root


def visal(root):
    return video(root, '{}/Imgs', '{}/ground-truth', values=union, every=2, mode=None)


def segtrack(root):
    """Bitmaps and PNGs; one object in the folder itself, two in folders of their own that overlap; a starred list."""
    for number in range(FRAMES):
        save(root / f'JPEGImages/frog/frog_{number:03d}.bmp', draw_image(number))
        save(root / f'GroundTruth/frog/frog_{number:03d}.png', mask())
        save(root / f'JPEGImages/bmx/bmx_{number:03d}.png', draw_image(100 + number))
        save(root / f'GroundTruth/bmx/1/bmx_{number:03d}.bmp', mask(left=4))
        save(root / f'GroundTruth/bmx/2/bmx_{number:03d}.png', mask(left=10))
    (root / 'ImageSets').mkdir()
    (root / 'ImageSets/all.txt').write_text('*frog\n*bmx\n')
    (root / 'ImageSets/frog.txt').write_text('frog/\nfrog_000\n')
    return root


def long_time(root):
    video(root / 'long_video', 'JPEGImages/{}', 'Annotations/{}', every=2)
    (root / 'long_video/videos.txt').write_text('bear\ncow\n')
    video(root / 'long_video_davis', 'JPEGImages/480p/{}', 'Annotations/480p/{}', step=2)
    return root


def bl30k(root):
    video(root / 'BL30K_a/BL30K', 'JPEGImages/{}', 'Annotations/{}', ('bear',))
    video(root / 'BL30K_b/BL30K', 'JPEGImages/{}', 'Annotations/{}', ('cow',))
    return root


def mose(root):
    video(root / 'train', 'JPEGImages/{}', 'Annotations/{}')
    video(root / 'valid', 'JPEGImages/{}', 'Annotations/{}', every=FRAMES)
    return root


RELEASES = {
    'DAVIS-2016': davis16,
    'DAVIS-2017': davis17,
    'DAVIS-2017-testdev': davis_dev,
    'DAVIS-2017-unsupervised': unsupervised,
    'YouTube-VOS': youtube,
    'YouTube-VOS-2019': youtube,
    'VOS': vos,
    'FBMS': fbms,
    'DAVSOD': davsod,
    'ViSal': visal,
    'SegTrackv2': segtrack,
    'LongTimeVideo': long_time,
    'BL30K': bl30k,
    'MOSE': mose,
}
# Sets in which every frame is annotated, and the folder of the annotations.
DENSE = {
    'DAVIS-2016': 'Annotations',
    'DAVIS-2017': 'Annotations',
    'DAVIS-2017-unsupervised': 'Annotations_unsupervised',
    'DAVSOD': 'GT_object_level',
    'SegTrackv2': 'GroundTruth',
    'BL30K': 'Annotations',
    'MOSE': 'train/Annotations',
    'YouTube-VOS': 'train/Annotations',
}
