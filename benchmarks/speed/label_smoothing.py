"""Label smoothing of single images of 500x375, in all: superpixels, ranking, random field; and the mask learner of one image.

    python benchmarks/speed/label_smoothing.py [--images FOLDER] [--quick]

Both checks come first: kernels that are kept between the rounds against kernels made in each, equal bits; masks against the
learner with all eigenvectors, 1e-6. Then the processor time of one thread for each of five images (drawn ones without
--images; others are resized) and for the masks of one image of 32x32 positions. Exits with 1 if an image takes more than
3 seconds; `--quick` takes one small image.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from measure import use_one_thread

from salseg.datasets.synthetic.groups import draw_group
from salseg.io.images import read_image
from salseg.models.postprocessors import LabelSmoothing, label_smoothing
from salseg.ops import mask_learner
from salseg.structures import SalDataSample

SECONDS, TOLERANCE = 3.0, 1e-6


def main(words: list[str] | None = None) -> int:
    """Check, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=Path, help='folder; its first five images in order are taken')
    parser.add_argument('--quick', action='store_true')
    args = parser.parse_args(words)
    use_one_thread()
    size, count = ((60, 45), 1) if args.quick else ((500, 375), 5)
    images = [cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in chosen(args.images, count)]
    check_kept(images[0])
    spent = []
    for number, image in enumerate(images):
        found = sample(image, number)
        start = time.process_time()
        LabelSmoothing()(found)
        spent.append(time.process_time() - start)
        print(f'image {number + 1}, {size[0]}x{size[1]}: {spent[-1]:.2f} s', flush=True)
    print(f'label smoothing: {np.mean(spent):.2f} s an image, at most {max(spent):.2f} s')
    masks()
    return 1 if max(spent) > SECONDS else 0


def chosen(folder: Path | None, count: int) -> list[np.ndarray]:
    """Images (H, W, 3) uint8."""
    if folder is None:
        return [image.image for image in draw_group(0, 'smoothing-speed', 0, count, 320).images]
    return [read_image(path) for path in sorted(folder.iterdir())[:count]]


def sample(image: np.ndarray, seed: int) -> SalDataSample:
    """An image with a map: a blurred disc with smooth noise."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    disc = ((rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2 < 0.06).astype(np.float32)
    noise = cv2.GaussianBlur(rng.standard_normal(disc.shape).astype(np.float32), (0, 0), height / 30)
    value = 0.2 + 0.55 * cv2.GaussianBlur(disc, (0, 0), height / 20) + 0.12 * noise / noise.std()
    found = SalDataSample(metainfo=dict(frame_ids=['0']))
    found.original_images, found.pred_maps = [image], [torch.from_numpy(value.clip(0, 1))]
    return found


def check_kept(image: np.ndarray) -> None:
    """Stop unless kept kernels give the bits of new ones."""
    kept = LabelSmoothing()(sample(image, 0)).pred_maps[0]
    limit, label_smoothing._KEPT_PIXELS = label_smoothing._KEPT_PIXELS, 0
    again = LabelSmoothing()(sample(image, 0)).pred_maps[0]
    label_smoothing._KEPT_PIXELS = limit
    if not torch.equal(kept, again):
        raise SystemExit('kept kernels give another result than new ones.')


def masks() -> None:
    """The learner against the form that computes all eigenvectors, on one image's features."""
    generator = torch.Generator().manual_seed(0)
    grid, channels, kinds = (32, 32), 512, 20
    maps = torch.randn(1, kinds, 5, 5, generator=generator) * torch.logspace(0, -1.3, kinds)[:, None, None]
    maps = torch.nn.functional.interpolate(maps, size=grid, mode='bicubic').flatten(2).transpose(1, 2)
    noise = 0.3 * torch.randn(1, grid[0] * grid[1], channels, generator=generator)
    features = (maps @ torch.randn(kinds, channels, generator=generator) + noise).relu()
    times: dict[str, float] = {}
    results = {}
    ours = mask_learner.leading_eigenvector
    for _ in range(5):
        for name, form in (('all', lambda matrix: torch.linalg.eigh(matrix)[1][:, -1]), ('leading', ours)):
            mask_learner.leading_eigenvector = form
            start = time.process_time()
            results[name] = mask_learner.learn_masks(features, grid)
            times[name] = min(times.get(name, np.inf), time.process_time() - start)
    mask_learner.leading_eigenvector = ours
    difference = float((results['all'] - results['leading']).abs().max())
    if difference > TOLERANCE:
        raise SystemExit(f'masks differ by {difference:.1e}.')
    print(
        f'masks of one image: {1e3 * times["leading"]:.0f} ms, with all eigenvectors {1e3 * times["all"]:.0f} ms, '
        f'{times["all"] / times["leading"]:.1f} times faster, difference {difference:.0e}'
    )


if __name__ == '__main__':
    sys.exit(main())
