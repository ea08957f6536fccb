"""Mean field of the dense CRF through a bilateral grid against all pairs of pixels: labels, time at several sizes, memory.

    python benchmarks/speed/dense_crf.py [--quick]
    python benchmarks/speed/dense_crf.py --images data/ECSSD/image --masks data/ECSSD/mask --names test.txt --out work_dirs/crf

The first line compares both forms on a small image of many colours, then times five steps, kernels included, at five sizes
in processor time of one thread. Exits with 1 if a label in a hundred differs, a size costs more than twice as much per
pixel as the cheapest, or 500x375 takes more than a second or 300 MB.

The second compares labels on images of your own at their own size: the start is the mask blurred and disturbed by smooth
noise, the same for a name in every run. The exact labels take minutes each and are kept in --out, a file per image; a
repeated call goes on where it stopped. Exits with 1 if the mean IoU of both forms' labels is below .98.
"""

import argparse
import sys
import time
import zlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from measure import peak_bytes, use_one_thread
from torch import Tensor

from salseg.io.annotations import read_annotation
from salseg.io.files import replacing
from salseg.io.images import read_image
from salseg.ops.dense_crf import CRFSettings, MeanField, dense_crf
from salseg.ops.label_smoothing import score_logits

SIZES = ((320, 213), (400, 300), (500, 333), (500, 375), (1000, 750))
SECONDS, MEGABYTES, PER_PIXEL, SAME_LABELS, IOU = 1.0, 300, 2.0, 0.99, 0.98


def main(words: list[str] | None = None) -> int:
    """Compare, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='small sizes, nothing is demanded of times')
    parser.add_argument('--images', type=Path, help='folder of images')
    parser.add_argument('--masks', type=Path, help='folder of masks of the same stems')
    parser.add_argument('--names', type=Path, help='text file of stems; the first --count are taken')
    parser.add_argument('--count', type=int, default=20)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/dense_crf'), help='where exact labels are kept')
    args = parser.parse_args(words)
    use_one_thread()
    torch.set_grad_enabled(False)
    return labels(args) if args.images else speed(args.quick)


def speed(quick: bool) -> int:
    """Equality on a small image, then the times."""
    image, logits = drawn(60, 80)
    exact, found = (dense_crf(image, logits, method=method) for method in ('exact', 'bilateral'))
    same = float(((exact > 0.5) == (found > 0.5)).float().mean())
    print(
        f'80x60: {same:.2%} of the labels equal, mean difference of the marginals {float((exact - found).abs().mean()):.4f}'
    )
    missed = [] if same >= SAME_LABELS else [f'labels equal: {same:.2%} < {SAME_LABELS:.0%}']
    print(f'{"size":>9}  {"seconds":>8}  {"of them kernels":>15}  {"microseconds a pixel":>20}')
    per_pixel = {}
    for width, height in SIZES[:1] if quick else SIZES:
        image, logits = drawn(height, width)
        whole, kernels = min(seconds(image, logits) for _ in range(1 if quick else 3))
        per_pixel[width, height] = 1e6 * whole / (width * height)
        print(f'{width:>4}x{height:<4}  {whole:8.3f}  {kernels:15.3f}  {per_pixel[width, height]:20.2f}', flush=True)
        if (width, height) == (500, 375):
            megabytes = peak_bytes(partial(dense_crf, image, logits, method='bilateral')) / 1e6
            print(f'{"":>9}  peak of live tensors {megabytes:.0f} MB')
            missed += [f'500x375: {whole:.2f} s'] if whole > SECONDS else []
            missed += [f'500x375: {megabytes:.0f} MB'] if megabytes > MEGABYTES else []
    ratio = max(per_pixel.values()) / min(per_pixel.values())
    print(f'dearest size by cheapest, per pixel: {ratio:.2f}')
    missed += [f'per pixel {ratio:.2f} > {PER_PIXEL}'] if ratio > PER_PIXEL else []
    for what in missed:
        print(what, file=sys.stderr)
    return 1 if missed else 0


def drawn(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A smooth image of nearly all colours with noise, (H, W, 3) uint8, and log-odds of its bright parts with noise."""
    generator = np.random.default_rng(0)
    smooth = cv2.resize(generator.random((6, 8, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    image = 255 * smooth + 8 * generator.standard_normal(smooth.shape)
    logits = 6 * (smooth.mean(2) - 0.5) + generator.standard_normal(smooth.shape[:2])
    return torch.from_numpy(image.clip(0, 255).astype(np.uint8)), torch.from_numpy(logits.astype(np.float32))


def seconds(image: Tensor, logits: Tensor) -> tuple[float, float]:
    """Processor time of five steps with their kernels, and of the kernels alone."""
    start = time.process_time()
    field = MeanField(image, method='bilateral')
    kernels = time.process_time() - start
    field(logits)
    return time.process_time() - start, kernels


def labels(args: argparse.Namespace) -> int:
    """IoU of the labels of both forms, image by image; a grid reduced by 4 beside it."""
    check_reference()
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.names.read_text().split() if args.names else sorted(path.stem for path in args.images.iterdir())
    rows = []
    for name in names[: args.count]:
        image, logits = given(args, name)
        exact = kept(args.out / f'{name}.npz', image, logits)
        start = time.process_time()
        found = dense_crf(image, logits, method='bilateral')
        spent = time.process_time() - start
        reduced = dense_crf(image, logits, reduce=4)
        rows.append([iou(value, exact) for value in (found, reduced, torch.sigmoid(logits))])
        print(
            f'{name:>12} {image.shape[1]}x{image.shape[0]}: IoU {rows[-1][0]:.4f} in {spent:.2f} s, exact on a grid reduced '
            f'by 4 {rows[-1][1]:.4f}, the start {rows[-1][2]:.3f}; foreground {float((exact > 0.5).float().mean()):.3f}',
            flush=True,
        )
    mean, worst = np.mean(rows, 0), np.min(rows, 0)
    for row, name in enumerate(('bilateral grid', 'exact, reduced by 4', 'the start')):
        print(f'{name:>20}: mean IoU {mean[row]:.4f}, worst {worst[row]:.4f} of {len(rows)} images')
    return 0 if mean[0] >= IOU else 1


def given(args: argparse.Namespace, name: str) -> tuple[Tensor, Tensor]:
    """An image and the log-odds of its disturbed mask."""
    image = read_image(next(args.images.glob(f'{name}.*')))
    mask = (read_annotation(next(args.masks.glob(f'{name}.*')), 'binary') > 0).astype(np.float32)
    side = min(mask.shape)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    noise = cv2.GaussianBlur(rng.standard_normal(mask.shape).astype(np.float32), (0, 0), side / 30)
    value = 0.2 + 0.55 * cv2.GaussianBlur(mask, (0, 0), side / 40) + 0.12 * noise / noise.std()
    return torch.from_numpy(image), score_logits(torch.from_numpy(value.clip(0, 1)))


def kept(path: Path, image: Tensor, logits: Tensor) -> Tensor:
    """The exact marginal, from its file or made and written."""
    if path.is_file():
        with np.load(path) as file:
            if np.array_equal(file['logits'], logits.numpy()):
                return torch.from_numpy(file['marginal'])
    marginal = exact_marginal(image, logits)
    with replacing(path) as temporary, open(temporary, 'wb') as file:
        np.savez(file, marginal=marginal.numpy(), logits=logits.numpy())
    return marginal


def iou(first: Tensor, second: Tensor) -> float:
    """Of the labels; 1 if neither has any foreground."""
    a, b = first > 0.5, second > 0.5
    return float((a & b).sum() / (a | b).sum()) if bool((a | b).any()) else 1.0


class NearPairs:
    """Sums over all pairs of points but those whose Gaussian is below 1e-9, which changes no digit of a float32 sum.

    Points are sorted into boxes; pairs of boxes that are far from each other are left out, and each of the others is
    computed once for both directions.
    """

    def __init__(self, points: Tensor, most: int = 256, reach: float = 6.5) -> None:
        boxes = split(points, most)
        self.order = torch.cat(boxes)
        self.points = points[self.order]
        low, high = (torch.stack([fold(points[box], 0) for box in boxes]) for fold in (torch.amin, torch.amax))
        ends = np.cumsum([0, *map(len, boxes)]).tolist()
        self.pairs = []
        for index in range(len(boxes)):
            gap = (low - high[index]).clamp(min=0) + (low[index] - high).clamp(min=0)
            near = (gap.square().sum(1) < reach**2).nonzero()[:, 0].tolist()
            others = [torch.arange(ends[j], ends[j + 1]) for j in near if j > index]
            self.pairs.append((ends[index], ends[index + 1], torch.cat([torch.zeros(0, dtype=torch.long), *others])))

    def __call__(self, values: Tensor) -> Tensor:
        """(n,) to (n,)."""
        values = values[self.order]
        sums = torch.zeros_like(values)
        for start, stop, others in self.pairs:
            middle = self.points[start:stop].mean(0)
            own = extended(self.points[start:stop] - middle)
            kernel = (own @ turned(own).t()).exp_()
            sums[start:stop] += kernel @ values[start:stop]
            for part in others.split(4096):
                kernel = (own @ turned(extended(self.points[part] - middle)).t()).exp_()
                sums[start:stop] += kernel @ values[part]
                sums[part] += values[start:stop] @ kernel
        result = torch.empty_like(sums)
        result[self.order] = sums
        return result


def split(points: Tensor, most: int) -> list[Tensor]:
    """Indices of points in boxes of at most so many, halved along their longest sides."""
    waiting, done = [torch.arange(len(points))], []
    while waiting:
        part = waiting.pop()
        if len(part) <= most:
            done.append(part)
            continue
        inside = points[part]
        axis = int((inside.amax(0) - inside.amin(0)).argmax())
        part = part[inside[:, axis].argsort(stable=True)]
        waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
    return done


def extended(points: Tensor) -> Tensor:
    """Points with minus half their square and 1: a product with `turned` is minus half a squared distance."""
    return torch.cat([points, -0.5 * points.square().sum(1, keepdim=True), torch.ones_like(points[:, :1])], 1)


def turned(points: Tensor) -> Tensor:
    """The last two columns exchanged."""
    return torch.cat([points[:, :-2], points[:, -1:], points[:, -2:-1]], 1)


def exact_marginal(image: Tensor, logits: Tensor, most: int = 256, settings: CRFSettings | None = None) -> Tensor:
    """Five steps of exact mean field in less memory and time than `dense_crf`, which it is compared with first."""
    settings = settings or CRFSettings()
    rows, columns = torch.meshgrid(*map(torch.arange, logits.shape), indexing='ij')
    places = torch.stack([rows, columns], 2) / settings.theta_alpha
    alike = NearPairs(torch.cat([places, image / settings.theta_beta], 2).flatten(0, 1), most)
    sides = []
    for length in logits.shape:
        place = torch.arange(length) / settings.theta_gamma
        kernel = torch.exp(-0.5 * (place[:, None] - place).square())
        sides.append(kernel / (kernel.sum(1)[:, None] * kernel.sum(1)).sqrt())
    scale = alike(torch.ones(logits.numel())).rsqrt()
    marginal = torch.sigmoid(logits)
    for _ in range(5):
        sign = 2 * marginal - 1
        message = settings.appearance * (scale * alike(scale * sign.flatten())).view(logits.shape)
        marginal = torch.sigmoid(logits + message + settings.smoothness * (sides[0] @ sign @ sides[1]))
    return marginal


def check_reference() -> None:
    """Stop if the reference of this script is not `dense_crf`."""
    image, logits = drawn(40, 52)
    difference = float((exact_marginal(image, logits, most=64) - dense_crf(image, logits)).abs().max())
    print(f'52x40: the reference of this script and the exact form of dense_crf differ by {difference:.1e}')
    if not difference < 1e-4:
        raise SystemExit('the reference of this script is not that of dense_crf.')


if __name__ == '__main__':
    sys.exit(main())
