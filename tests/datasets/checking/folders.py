"""Data sets of a few pixels, sound until a test spoils them."""

import cv2
import numpy as np
from PIL import Image

SIZE = (24, 32)


def draw_image(seed, size=SIZE):
    """Smooth noise that differs with the seed, (H, W, 3) uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)


def mask(size=SIZE, value=255, left=8):
    """A rectangle, (H, W) uint8."""
    values = np.zeros(size, np.uint8)
    values[6:18, left : left + 12] = value
    return values


def scribble(size=SIZE):
    """A scribble inside the rectangle of :func:`mask` and one above it."""
    values = np.zeros(size, np.uint8)
    values[12, 10:18], values[2, 4:28] = 1, 2
    return values


def save(path, values, mode=None):
    """Write an image, colour as RGB; 'P' writes a palette file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if mode == 'P':
        image.putpalette([v for index in range(256) for v in (index, 255 - index, 7 * index % 256)])
    image.save(path)
    return path


def images(root, names=('a', 'b', 'c'), scribbles=False):
    """image/ and mask/, and scribble/."""
    for seed, name in enumerate(names):
        save(root / 'image' / f'{name}.jpg', draw_image(seed))
        save(root / 'mask' / f'{name}.png', mask())
        if scribbles:
            save(root / 'scribble' / f'{name}.png', scribble())
    return root


def groups(root, sizes=(3, 2)):
    """image/<group>/ and gt/<group>/."""
    for number, size in enumerate(sizes):
        for member in range(size):
            save(root / 'image' / f'group {number}' / f'{member}.jpg', draw_image(100 * number + member))
            save(root / 'gt' / f'group {number}' / f'{member}.png', mask())
    return root


def videos(root, names=('bear', 'cow'), frames=5, palette=True, every=1):
    """JPEGImages/<video>/ and Annotations/<video>/ with two objects, or masks of 0 and 255."""
    for number, name in enumerate(names):
        for t in range(frames):
            save(root / 'JPEGImages' / name / f'{t:05d}.jpg', draw_image(1000 * number + t))
            if t % every == 0:
                labels = mask(value=1)
                labels[20:23, 2 + t : 8 + t] = 2
                path = root / 'Annotations' / name / f'{t:05d}.png'
                save(path, labels if palette else (labels > 0) * np.uint8(255), 'P' if palette else None)
    return root
