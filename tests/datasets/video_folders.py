"""Small videos on disk, in the layouts in circulation."""

import cv2
import numpy as np

LAYOUTS = {
    'davis-480p': ('JPEGImages/480p/{}', 'Annotations/480p/{}'),
    'davis': ('JPEGImages/{}', 'Annotations/{}'),
    'unified': ('{}/Imgs', '{}/ground-truth'),
    'davsod': ('{}/Imgs', '{}/GT_object_level'),
    'flow-ready': ('{}/Frame', '{}/GT'),
}


def image(index, size=(24, 32)):
    """A textured image that moves one pixel to the right a frame, (H, W, 3) uint8."""
    noise = np.random.default_rng(0).integers(0, 256, (size[0], size[1] + 64, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return np.ascontiguousarray(smooth[:, 40 - index % 40 : 40 - index % 40 + size[1]])


def mask(index, size=(24, 32)):
    """A square that moves along, (H, W) uint8, 0 and 255."""
    values = np.zeros(size, np.uint8)
    left = 4 + index % (size[1] - 12)
    values[8:16, left : left + 8] = 255
    return values


def write_video(root, name='a', frames=8, every=1, layout='davis', names='{:05d}', start=0, size=(24, 32)):
    images, labels = (root / pattern.format(name) for pattern in LAYOUTS[layout])
    images.mkdir(parents=True)
    labels.mkdir(parents=True)
    for index in range(frames):
        stem = names.format(start + index)
        cv2.imwrite(str(images / f'{stem}.png'), image(index, size))
        if index % every == 0:
            cv2.imwrite(str(labels / f'{stem}.png'), mask(index, size))
    return images, labels
