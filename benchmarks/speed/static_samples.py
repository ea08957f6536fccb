"""CPU of a sample of XMem's stage 0 from BIG and HRSOD, as released and as converted; status 1 above 0.1 s."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config

from salseg.apis.converting import find_converter
from salseg.datasets import SaliencyDataset
from salseg.io.images import read_image

CONFIG = Path(__file__).resolve().parents[2] / 'projects/xmem/configs/xmem_r50_stage0-static_384.py'
BAR = 0.1
# Names of image and mask of a pair in the releases.
RELEASES = {'HRSOD': ('HRSOD_train/{}.jpg', 'HRSOD_train_mask/{}.png'), 'BIG': ('BIG/{}_im.jpg', 'BIG/{}_gt.png')}


def main(arguments: list[str] | None = None) -> int:
    """Draw, convert, load, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=4, help='of each set')
    parser.add_argument('--draws', type=int, default=20, help='samples from the converted set')
    parser.add_argument('--draws-before', type=int, default=4, help='samples from the released set')
    parser.add_argument('--hrsod', type=int, nargs=2, default=(2400, 3600), help='height and width')
    parser.add_argument('--big', type=int, nargs=2, default=(3400, 5000), help='height and width')
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print('| set | size | converting, s an image | before, s a sample | after, s a sample | object, before and after |')
    print('|---|---|---|---|---|---|')
    missed = []
    for name, size in (('HRSOD', tuple(args.hrsod)), ('BIG', tuple(args.big))):
        with tempfile.TemporaryDirectory() as folder:
            missed += measure(name, size, Path(folder), args)
    for line in missed:
        sys.stderr.write(f'{line}\n')
    return 1 if missed else 0


def measure(name: str, size: tuple[int, int], root: Path, args: argparse.Namespace) -> list[str]:
    """Print the row of a set; what is not as it must be."""
    draw(root, name, size, args.images)
    begun = time.process_time()
    find_converter(name).convert(root / 'release', root / 'converted')
    converting = (time.process_time() - begun) / args.images
    before, after = sampled(root / 'plain', args.draws_before), sampled(root / 'converted', args.draws)
    covered = [object_fraction(root / folder) for folder in ('plain', 'converted')]
    shown = f'{covered[0]:.4f}, {covered[1]:.4f}'
    print(f'| {name} | {size[0]}x{size[1]} | {converting:.2f} | {before:.3f} | {after:.3f} | {shown} |')
    missed = [f'{name}: {after:.3f} s of CPU a sample, more than {BAR}'] if after > BAR else []
    if abs(covered[0] - covered[1]) > 1e-3:
        missed.append(f'{name}: objects cover {shown} of the images')
    return missed + unlike(name, root)


def draw(root: Path, name: str, size: tuple[int, int], count: int) -> None:
    """Images with detail and one object each, as a plain folder and as the release."""
    rng = np.random.default_rng(0)
    height, width = size
    for number in range(count):
        small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros(size, np.uint8)
        cv2.ellipse(mask, (width // 2, height // 2), (width // 4, height // 5), 17.0 * number, 0, 360, 255, -1)
        files = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 90]), cv2.imencode('.png', mask)
        for plain, pattern, (_, data) in zip(('image/{}.jpg', 'mask/{}.png'), RELEASES[name], files):
            path, released = root / 'plain' / plain.format(number), root / 'release' / pattern.format(number)
            for target in (path, released):
                target.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.tobytes())
            os.link(path, released)


def dataset(root: Path) -> SaliencyDataset:
    """A folder as stage 0 reads it."""
    return SaliencyDataset(str(root), pipeline=Config.fromfile(CONFIG).static_pipeline)


def sampled(root: Path, draws: int) -> float:
    """Seconds of CPU of a sample."""
    data = dataset(root)
    begun = time.process_time()
    for number in range(draws):
        data[number]
    return (time.process_time() - begun) / max(draws, 1)


def object_fraction(root: Path) -> float:
    """Fraction of the pixels that objects cover."""
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((root / 'mask').iterdir())]
    return float(np.mean([np.mean(mask >= 128) for mask in masks]))


def unlike(name: str, root: Path) -> list[str]:
    """Images that are not the mean over the pixels that each of theirs stands for."""
    found = []
    for path in sorted((root / 'plain/image').iterdir()):
        (small,) = (root / 'converted/image').glob(f'{path.stem}.*')
        given, expected = read_image(small), read_image(path)
        if given.shape != expected.shape:
            expected = cv2.resize(expected, given.shape[1::-1], interpolation=cv2.INTER_AREA)
        if not np.array_equal(given, expected):
            found.append(f'{name}: {small.name} is not {path.name} shrunk by area')
    return found


if __name__ == '__main__':
    sys.exit(main())
