"""What the training recipes draw: scale ratios, crops, gaps of frames, objects, empty prompts. One row of a table per recipe.

    python tools/analysis_tools/recipe_distributions.py [CONFIG ...] [--draws 20000] [--decoded 500] [--markdown] [--data]

Without CONFIG: one of each published training pipeline. By default the sets are drawn below a temporary folder, with the size
that most images of a set have; --data reads those of the user.

Of --draws items nothing is decoded: the recipe's windows are drawn for a frame of the item's size, and its clip of frames is
chosen; rotation, shear and zoom of RandomAffine are in neither column. Of --decoded items the whole pipeline runs. Cells are
means and, in brackets, the 5 and 95 % quantiles; '-' where a recipe has no such thing. `unshown` counts clips in which all
trials found no object.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from salseg.catalog import list_configs
from salseg.datasets.base import SetDataset
from salseg.datasets.composite_clips import CompositeClips
from salseg.datasets.concat import ConcatDataset
from salseg.datasets.synthetic.published import draw_sets
from salseg.datasets.transforms.cropping import RandomCrop, RandomResizedCrop
from salseg.datasets.transforms.resizing import AntialiasedResize, Resize, ResizeShorterSide
from salseg.datasets.transforms.sampling import SampleClip
from salseg.engine.config import load_config
from salseg.errors import SalsegError
from salseg.io.images import image_size
from salseg.registry import DATASETS

COLUMNS = (
    'recipe',
    'horizontal/vertical scale',
    'crop of the frame',
    'gap of frames',
    'objects',
    'empty prompts',
    'unshown',
)


@dataclass
class Counts:
    """What was drawn.

    Attributes:
        ratios: Horizontal over vertical scale of a window.
        fractions: Of the frame that a window covers.
        gaps: Places of a video between neighbouring frames of a clip.
        objects: Of decoded items, the objects that are in their first frame.
        empty: Decoded items of trackers with a slot that counts and whose prompt is empty.
        unshown: Those that after all trials show no object: they learn that nothing is there.
        prompted: Decoded items with prompts.
    """

    ratios: list[float] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    empty: int = 0
    unshown: int = 0
    prompted: int = 0

    def cells(self) -> list[str]:
        """Of the table."""
        prompts = [f'{self.empty} of {self.prompted}', str(self.unshown)] if self.prompted else ['-', '-']
        return [spread(values) for values in (self.ratios, self.fractions, self.gaps, self.objects)] + prompts


def spread(values: Sequence[float]) -> str:
    """Mean and the quantiles around it."""
    if not len(values):
        return '-'
    low, high = np.quantile(values, (0.05, 0.95))
    return f'{np.mean(values):.3f} ({low:.3f}, {high:.3f})'


def main(arguments: list[str] | None = None) -> int:
    """Draw, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help='names or files')
    parser.add_argument('--draws', type=int, default=20000, metavar='N', help='of geometry and choice (20000)')
    parser.add_argument('--decoded', type=int, default=500, metavar='M', help='items run through the pipeline (500)')
    parser.add_argument('--scale', type=float, default=1.0, help='of drawn images; below 1 only to try the script')
    parser.add_argument('--data', action='store_true', help='read the data sets that the config names')
    parser.add_argument('--markdown', action='store_true', help='rows of a table')
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    line(COLUMNS, args.markdown)
    if args.markdown:
        line(['---'] * len(COLUMNS), True)
    for name in args.configs or published():
        try:
            counts = measure(name, args)
        except SalsegError as error:
            sys.stderr.write(f'{name}: {error}\n')
            return 2
        line([Path(name).stem, *counts.cells()], args.markdown)
    return 0


def line(cells: Sequence[str], markdown: bool) -> None:
    """A row of the table."""
    print(f'| {" | ".join(cells)} |' if markdown else '  '.join(cells), flush=True)


def published() -> list[str]:
    """One config of each training pipeline of a paper.

    Left out are small ones for a CPU, those on drawn sets, and what another model writes.
    """
    found: dict[str, str] = {}
    for path in list_configs():
        loader = load_config(str(path)).get('train_dataloader')
        if not re.search('_lite|_synthetic', path.stem) and loader and "'data/pseudo" not in str(loader.dataset):
            found.setdefault(str(loader.dataset), str(path))
    return list(found.values())


def measure(name: str, args: argparse.Namespace) -> Counts:
    """All counts of a recipe.

    Raises:
        SalsegError: The config cannot be read, or its data sets are not here.
    """
    config = load_config(name)
    node = config.train_dataloader.dataset
    node = node.to_dict() if hasattr(node, 'to_dict') else dict(node)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        try:
            if not args.data:
                os.chdir(folder)
                draw_sets(node, args.scale)
            return count(DATASETS.build(node), args.draws, args.decoded)
        finally:
            os.chdir(here)


def count(data: SetDataset, draws: int, decoded: int) -> Counts:
    """Items are drawn evenly; their number in the training is spread over the whole of it, for curricula."""
    counts, rng = Counts(), np.random.default_rng(0)
    length = max((step.total_draws for part in parts(data) for step in part.transforms if isinstance(step, SampleClip)),
                 default=0) or len(data)  # fmt: skip
    sizes: dict[str, tuple[int, int]] = {}
    for draw, index in zip(rng.integers(length, size=draws), rng.integers(len(data), size=draws)):
        choose(data, int(index), int(draw), rng, sizes, counts)
    for draw, index in zip(rng.integers(length, size=decoded), rng.integers(len(data), size=decoded)):
        results = data.get(int(draw) // len(data), int(index), int(draw))
        look(results, counts)
    return counts


def parts(data: SetDataset) -> Iterator[SetDataset]:
    """The sets of a data set."""
    if isinstance(data, ConcatDataset):
        for part in data.datasets:
            yield from parts(part)
    else:
        yield data


def choose(
    data: SetDataset, index: int, draw: int, rng: np.random.Generator, sizes: dict[str, tuple[int, int]], counts: Counts
) -> None:
    """Windows and gaps of one item, without decoding it."""
    while isinstance(data, ConcatDataset):
        which, index = data.locate(index)
        data = data.datasets[which]
    results = {**data.describe(index), 'rng': rng, 'draw': draw}
    path = str(results['frame_paths'][0])
    if path not in sizes:
        sizes[path] = image_size(path)
    pasted = isinstance(data, CompositeClips)
    ratio, fraction = fitted(data, sizes[path]) if pasted else windows(data.transforms, sizes[path], rng)
    counts.ratios.append(ratio)
    counts.fractions.append(fraction)
    sampler = next((step for step in data.transforms if isinstance(step, SampleClip)), None)
    if sampler is not None:
        places = {frame: place for place, frame in enumerate(results['frame_ids'])}
        chosen = [places[frame] for frame in sampler.transform(results)['frame_ids']]
        counts.gaps += np.abs(np.diff(chosen)).tolist()


def fitted(data: CompositeClips, size: tuple[int, int]) -> tuple[float, float]:
    """Of the part of an image of (H, W) that fills a composed clip: the ratio of its scales, and its fraction."""
    scale = min(size[0] / data.size[0], size[1] / data.size[1])
    height, width = (max(round(side * scale), 1) for side in data.size)
    return (data.size[1] / width) / (data.size[0] / height), height * width / (size[0] * size[1])


def windows(steps: Sequence[Any], size: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """Horizontal over vertical scale, and fraction of the frame, behind all steps that cut or resize a frame of (H, W)."""
    across, down, fraction = 1.0, 1.0, 1.0
    height, width = size
    for step in steps:
        kept, to = cut(step, height, width, rng)
        fraction *= min(kept[0] * kept[1] / (height * width), 1.0)
        across, down, (height, width) = across * to[1] / kept[1], down * to[0] / kept[0], to
    return across / down, fraction


def cut(step: Any, height: int, width: int, rng: np.random.Generator) -> tuple[tuple[float, float], tuple[int, int]]:
    """(height, width) of the window that a step takes of a frame, and of what it makes of it; others leave the frame."""
    if isinstance(step, RandomCrop):
        return (step.height, step.width), (step.height, step.width)
    if isinstance(step, RandomResizedCrop):
        left, top, right, bottom = step.window(step.draw(rng), (height, width))
        return (bottom - top, right - left), (step.height, step.width)
    if isinstance(step, ResizeShorterSide):
        scale = step.length / min(height, width)
        return (height, width), (round(height * scale), round(width * scale))
    if isinstance(step, Resize | AntialiasedResize):
        return (height, width), (step.height, step.width)
    # Those of projects, which are known by their names here: a tool does not need every project.
    kind = type(step).__name__
    if kind == 'RandomScaledCrop':
        left, top, right, bottom = step.window(height, width, step.draw(rng))
        return (bottom - top, right - left), (step.size, step.size)
    if kind == 'PillowResize':
        return (height, width), (step.size, step.size)
    if kind == 'RandomScaleCrop':
        side = step.base * min(height, width) / step.draw(rng)[0]
        return (side, side), (step.size, step.size)
    return (height, width), (height, width)


def look(results: Mapping[str, Any], counts: Counts) -> None:
    """Objects and prompts of a decoded item."""
    sample = results['data_samples']
    prompt, valid = sample.get('prompt'), sample.get('object_valid')
    if prompt is None or valid is None:
        return
    shown = prompt.flatten(1).any(1)
    counts.prompted += 1
    counts.objects.append(int((shown & valid).sum()))
    # A clip without any object learns in its first slot that nothing is there; no other slot may be given an empty prompt.
    counts.unshown += int(not shown.any())
    counts.empty += int(bool(shown.any()) and bool((valid & ~shown).any()))


if __name__ == '__main__':
    sys.exit(main())
