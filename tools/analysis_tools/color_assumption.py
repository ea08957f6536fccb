"""How far "pixels of like colour belong together" holds (thesis on box-trained XMem, table 3.1).

    python tools/analysis_tools/color_assumption.py --config xmem-boxes [--samples 384] [--thresholds 0 0.05 0.3]
    python tools/analysis_tools/color_assumption.py DATA [--stride 4] [--limit N]

For each threshold of similarity: the fraction of pairs that are alike enough, which is how much a loss has to learn from, and
the fraction of these that have the same label, which is how far it is told the truth. `pairwise` are near pixels of a frame,
`temporal`, for videos, a pixel and the centres of its nearest patches in the next frame.

With --config it is the table of the thesis: clips as the training of that config draws and augments them, each frame
paired with the next and the last with the first, and both numbers averaged over the clips; masks take the place of boxes. Of
a folder, frames are taken at their own size and all pairs count alike.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.images import Item
from salseg.datasets.checking.layout import KINDS, find_plan, items_of
from salseg.engine.config import load_config
from salseg.errors import DataError, SalsegError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.images import read_image
from salseg.ops import nearest_matches, patch_similarity, search_offsets
from salseg.ops.affinity import overlap
from salseg.ops.color import rgb_to_lab
from salseg.ops.geometry import half_window
from salseg.registry import DATASETS

THRESHOLDS = (0.0, 0.005, 0.01, 0.05, 0.1, 0.2, 0.3)
Counts = Tensor


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, nargs='?', help='folder in any layout that `salseg check-data` knows')
    parser.add_argument('--config', metavar='MODEL', help='name or config whose training clips are measured')
    parser.add_argument('--samples', type=int, default=384, metavar='N', help='clips drawn of --config (384)')
    parser.add_argument('--kind', choices=KINDS, help='what it holds, where the layout does not tell')
    parser.add_argument('--thresholds', type=float, nargs='+', default=list(THRESHOLDS))
    parser.add_argument('--stride', type=int, default=4, help='pixels are averaged over stride x stride first')
    parser.add_argument('--dilation', type=int, default=2, help='distance of near pixels')
    parser.add_argument('--limit', type=int, help='use so many images at most')
    args = parser.parse_args(arguments)
    try:
        if (args.data is None) == (args.config is None):
            raise DataError('name a folder or --config MODEL, one of them.')
        found = measure(args) if args.config is None else measure_training(args)
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


def measure_training(args: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """The same of clips as a training draws them; means over the clips, of the precision over those with a pair.

    Raises:
        DataError: The config has no training set, or its items have no masks.
    """
    loader = load_config(args.config).get('train_dataloader')
    if loader is None or args.samples < 1 or args.stride < 1:
        raise DataError(f'{args.config}: it needs a train_dataloader, --samples and --stride 1 or more.')
    dataset = DATASETS.build(_with_masks(loader['dataset'].to_dict()))
    epochs = -(-args.samples // len(dataset))
    order = np.concatenate([np.random.default_rng(e).permutation(len(dataset)) for e in range(epochs)])
    rows: dict[str, list[list[tuple[float, float]]]] = {}
    for sample in range(args.samples):
        # Every epoch of a training sees each clip once, in an order of its own and with draws of its own.
        item = dataset.get(sample // len(dataset), int(order[sample]))
        for name, counts in clip_counts(item, args.stride, args.thresholds, args.dilation).items():
            rows.setdefault(name, []).append([_metrics(row, counts[-1]) for row in counts[:-1]])
    means = {name: np.array(values) for name, values in rows.items()}
    return {
        name: [(float(v[:, n, 0].mean()), float(np.nanmean(v[:, n, 1]))) for n in range(len(args.thresholds))]
        for name, v in means.items()
    }


def clip_counts(item: Mapping[str, Any], stride: int, thresholds: Sequence[float], dilation: int) -> dict[str, Counts]:
    """Counts of one training clip, its frames in a circle.

    Raises:
        DataError: The clip has no masks.
    """
    frames, labels = item['inputs'].float(), item['data_samples'].get('labels')
    if labels is None:
        raise DataError(
            f'{item["data_samples"].where()} has no masks: their labels are what colours are compared with.'
        )
    lab = rgb_to_lab(F.avg_pool2d(frames, stride) if stride > 1 else frames)
    middle = labels[:, stride // 2 :: stride, stride // 2 :: stride][:, : lab.shape[-2], : lab.shape[-1]]
    found = dict(pairwise=sum(pairwise_counts(x[None], y, thresholds, dilation) for x, y in zip(lab, middle)))
    if len(lab) > 1:
        after = [(t + 1) % len(lab) for t in range(len(lab))]
        found['temporal'] = sum(
            temporal_counts(lab[t, None], lab[n, None], middle[t], middle[n], thresholds) for t, n in enumerate(after)
        )
    return found


def _with_masks(node: Any) -> Any:
    """A data set's config without the step that hides masks behind boxes."""
    if isinstance(node, Mapping):
        return {key: _with_masks(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_with_masks(v) for v in node if not (isinstance(v, Mapping) and v.get('type') == 'MasksToBoxes')]
    return node


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
