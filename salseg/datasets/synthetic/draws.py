"""Random draws that are a pure function of a sample's place.

Only two streams of NumPy are used, raw 64-bit words and ``Generator.random``: the distributions built on top of them
may change between NumPy releases, these may not without notice (NEP 19).
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from salseg.errors import DataError

VERSION = 1
"""Version of the drawing: raised whenever an image of an existing (seed, split, index) changes."""

T = TypeVar('T')


def generator_at(kind: str, seed: int, split: str, index: int, version: int = VERSION) -> np.random.Generator:
    """Generator of sample ``index`` of a split, independent of every other sample.

    Raises:
        DataError: The version is not one that this release draws, the split has no name or the index is negative.
    """
    if version != VERSION:
        raise DataError(
            f'synthetic data of version {version} cannot be drawn: this release of salseg draws version {VERSION}. '
            'Install the release that drew it, or leave the version out.'
        )
    if not isinstance(split, str) or not split:
        raise DataError(f'split is {split!r}; a synthetic split has a name, such as "train" or "test".')
    if index < 0:
        raise DataError(f'index is {index}; samples of a synthetic split are counted from 0.')
    place = f'{kind}/{version}/{int(seed)}/{split}/{int(index)}'
    digest = hashlib.blake2b(place.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, 'little')))


def image_size(size: int | tuple[int, int], smallest: int = 32) -> tuple[int, int]:
    """Height and width in pixels of a size given as a number or a pair.

    Raises:
        DataError: It is neither, or a side is below ``smallest`` pixels.
    """
    pair = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(pair) != 2 or not all(isinstance(side, int | np.integer) for side in pair):
        raise DataError(f'size is {size!r}; expected a number of pixels or (height, width).')
    if min(pair) < smallest:
        raise DataError(f'size is {size!r}; synthetic images need at least {smallest} pixels on each side.')
    return int(pair[0]), int(pair[1])


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number in [low, high)."""
    return low + (high - low) * float(rng.random())


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return low + int(rng.random() * (high - low + 1))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def choice(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One of the items, each equally likely."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: np.random.Generator, items: Sequence[T]) -> list[T]:
    """The items in random order."""
    return [items[i] for i in np.argsort(rng.random(len(items)), kind='stable')]


def bell(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Nearly normal float32 noise of mean 0 and deviation 1: the sum of four uniform bytes, so at most 3.45 in size."""
    count = int(np.prod(shape))
    words = np.atleast_1d(rng.bit_generator.random_raw((count + 1) // 2)).astype('<u8', copy=False)
    parts = words.view(np.uint8).reshape(4, -1)[:, :count]
    total = parts[0].astype(np.int16)
    for part in parts[1:]:
        total += part
    # A byte has mean 127.5 and variance (256^2 - 1) / 12; four of them add up.
    return ((total.astype(np.float32) - 510.0) / np.float32(147.801)).reshape(shape)
