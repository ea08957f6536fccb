"""How far "pixels of like colour belong together" holds on a data set with masks (thesis on box-trained XMem, table 3.1).

    python tools/analysis_tools/color_assumption.py DATA [--thresholds 0 0.05 0.3] [--stride 4] [--limit N]

For each threshold of similarity: the fraction of pairs that are alike enough, which is how much a loss has to learn from, and
the fraction of these that have the same label, which is how far it is told the truth. `pairwise` are near pixels of a frame,
`temporal`, for videos, a pixel and the centres of its nearest patches in the next frame.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.images import Item
from salseg.datasets.checking.layout import KINDS, find_plan, items_of
from salseg.errors import DataError, SalsegError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.images import read_image
from salseg.ops import nearest_matches, patch_similarity, search_offsets
from salseg.ops.affinity import overlap
from salseg.ops.color import rgb_to_lab
from salseg.ops.geometry import half_window

THRESHOLDS = (0.0, 0.005, 0.01, 0.05, 0.1, 0.2, 0.3)
Counts = Tensor


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, help='folder in any layout that `salseg check-data` knows')
    parser.add_argument('--kind', choices=KINDS, help='what it holds, where the layout does not tell')
    parser.add_argument('--thresholds', type=float, nargs='+', default=list(THRESHOLDS))
    parser.add_argument('--stride', type=int, default=4, help='pixels are averaged over stride x stride first')
    parser.add_argument('--dilation', type=int, default=2, help='distance of near pixels')
    parser.add_argument('--limit', type=int, help='use so many images at most')
    args = parser.parse_args(arguments)
    try:
        found = measure(args)
    except SalsegError as error:
        print(error, file=sys.stderr)
        return 1
    print(f'{"threshold":>9}' + ''.join(f'{name:>12} {"precision":>9}' for name in found))
    for number, threshold in enumerate(args.thresholds):
        cells = ''.join(f'{share:12.2%} {precision:9.4f}' for share, precision in (f[number] for f in found.values()))
        print(f'{threshold:9g}{cells}')
    return 0


def measure(args: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """Share and precision by kind of pair, a row per threshold.

    Raises:
        DataError: The folder holds no image with a mask, or the stride or the limit is not positive.
    """
    if args.stride < 1 or (args.limit is not None and args.limit < 1):
        raise DataError(f'--stride {args.stride} and --limit {args.limit} must be at least 1.')
    items = [item for item in items_of(find_plan(args.data, args.kind, None, None), Findings()) if _annotation(item)]
    if not items:
        raise DataError(f'{args.data} holds no image with a mask.')
    totals = dict(pairwise=torch.zeros(len(args.thresholds) + 1, 2, dtype=torch.float64))
    before: tuple[str, Tensor, Tensor] | None = None
    for item in items[: args.limit]:
        lab, labels = read(item, args.stride)
        totals['pairwise'] += pairwise_counts(lab, labels, args.thresholds, args.dilation)
        if before is not None and item.group and before[0] == item.group and before[1].shape == lab.shape:
            counts = temporal_counts(before[1], lab, before[2], labels, args.thresholds)
            totals['temporal'] = totals.get('temporal', 0) + counts
        before = item.group, lab, labels
    return {name: [_metrics(row, counts[-1]) for row in counts[:-1]] for name, counts in totals.items()}


def _metrics(row: Tensor, whole: Tensor) -> tuple[float, float]:
    alike, same = row.tolist()
    return alike / max(whole[0].item(), 1), same / alike if alike else float('nan')


def _annotation(item: Item) -> tuple[str, str] | None:
    """The first annotation that is no scribble."""
    return next(((role, path) for role, path in item.labels if role != 'scribble'), None) if item.image else None


def read(item: Item, stride: int) -> tuple[Tensor, Tensor]:
    """Lab (1, 3, h, w), averaged over stride x stride pixels, and the labels (h, w) at the middle of each of them."""
    role, path = _annotation(item)
    labels = read_annotation(path, 'index' if role == 'ids' else 'binary')
    image = torch.from_numpy(np.ascontiguousarray(read_image(item.image).transpose(2, 0, 1)))[None].float()
    if tuple(image.shape[-2:]) != labels.shape:
        raise DataError(f'{item.image} and {path} differ in size.')
    lab = rgb_to_lab(F.avg_pool2d(image, stride) if stride > 1 else image)
    middle = labels[stride // 2 :: stride, stride // 2 :: stride][: lab.shape[-2], : lab.shape[-1]]
    return lab, torch.from_numpy(np.ascontiguousarray(middle))


def pairwise_counts(
    lab: Tensor, labels: Tensor, thresholds: Sequence[float], dilation: int = 2, gamma: float = 2.0
) -> Counts:
    """(thresholds + 1, 2): pairs alike enough and those with one label; last, all pairs. Unknown pixels take no part."""
    counts = torch.zeros(len(thresholds) + 1, 2, dtype=torch.float64)
    for dy, dx in half_window(1, dilation):
        here, there = overlap(labels.shape, dy, dx)
        similarity = torch.exp(-(lab[0][here] - lab[0][there]).norm(dim=0) / gamma)
        counts += _counted(
            similarity, labels[here], labels[there], torch.ones_like(similarity, dtype=torch.bool), thresholds
        )
    return counts


def temporal_counts(
    first: Tensor, second: Tensor, labels: Tensor, later: Tensor, thresholds: Sequence[float], gamma: float = 2.0
) -> Counts:
    """The same of pixels of one frame and the centres of the five nearest patches of the next frame."""
    offsets = search_offsets()
    similarity = patch_similarity(first, second, offsets, gamma)
    nearest = nearest_matches(similarity, offsets, threshold=0.0, inside_only=True)
    counts = torch.zeros(len(thresholds) + 1, 2, dtype=torch.float64)
    for number, (dy, dx) in enumerate(offsets):
        here, there = overlap(labels.shape, dy, dx)
        parts = similarity[0, number][here], labels[here], later[there], nearest[0, number][here]
        counts += _counted(*parts, thresholds)
    return counts


def _counted(similarity: Tensor, first: Tensor, second: Tensor, take: Tensor, thresholds: Sequence[float]) -> Counts:
    take = take & (first != UNKNOWN) & (second != UNKNOWN)
    similarity, same = similarity[take], (first == second)[take]
    rows = [(similarity >= t, same & (similarity >= t)) for t in thresholds]
    whole = torch.ones_like(same)
    return torch.tensor([[a.sum().item(), b.sum().item()] for a, b in [*rows, (whole, same)]], dtype=torch.float64)


if __name__ == '__main__':
    sys.exit(main())
