"""A sheet of several methods on the same images, or on the same frames of videos with objects.

    python tools/analysis_tools/compare_methods.py ours=maps/a theirs=maps/b --truth gt --images images --out sheet.png
    python tools/analysis_tools/compare_methods.py a=masks/a b=masks/b --truth gt --protocol davis17-semi --out sheet.png

Rows are images, columns image, ground truth and methods; files pair by their path below the folders. Below a map
stands its value of --metric, below objects their mean J (or F) in that frame; frames that the protocol does not count are
left out. Images are those of --names, or --number of them, spread evenly (--order even) or the ones on which the methods
differ most (--order differ).
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError, SalsegError
from salseg.evaluation.evaluate import evaluate_folders
from salseg.evaluation.folders import Tree, list_tree, name_methods, prediction_tree
from salseg.evaluation.functional import resize_prediction
from salseg.evaluation.output.table import TITLES
from salseg.evaluation.protocols import MapProtocol, MaskProtocol, PartialResult, Protocol, get_protocol
from salseg.evaluation.protocols.maps import image_row
from salseg.evaluation.tasks import ScoringTask
from salseg.io.annotations import UNKNOWN, read_annotation, read_map, read_truth
from salseg.io.images import read_image, write_png
from salseg.visualization import overlay_labels, sheet
from salseg.visualization.report.cases import coloured, image_tree

CAPTION = 18


def values_of(stem: str, methods: dict[str, Tree], truth: Tree, protocol: MapProtocol, metric: str) -> dict[str, float]:
    """Measure of every method on one image.

    Raises:
        DataError: The protocol has no such metric.
    """
    mask = read_truth(truth.path(stem))
    found = {}
    for name, tree in methods.items():
        row = image_row(protocol.scores(read_map(tree.path(stem)), mask))
        if metric not in row:
            raise DataError(f'--metric {metric!r}; expected one of {", ".join(row)}.')
        found[name] = row[metric]
    return found


def choose(stems: list[str], number: int, spread: dict[str, float] | None) -> list[str]:
    """Some of the images: evenly spread, or with the largest spread of values."""
    if spread is not None:
        return sorted(stems, key=lambda stem: -spread[stem])[:number]
    places = np.linspace(0, len(stems) - 1, min(number, len(stems))).round().astype(int)
    return [stems[i] for i in dict.fromkeys(places)]


def captioned(image: np.ndarray, text: str, cell: int) -> np.ndarray:
    """A map or an image with a line of text below it, (H, W, 3) uint8."""
    factor = min(cell / image.shape[1], (cell - CAPTION) / image.shape[0])
    size = tuple(max(1, round(s * factor)) for s in image.shape[1::-1])
    shown = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    shown = shown if shown.ndim == 3 else cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB)
    line = np.full((CAPTION, shown.shape[1], 3), 255, np.uint8)
    cv2.putText(line, text, (2, CAPTION - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([shown, line])


class FrameScores:
    """Mean J or F of the objects in each frame that counts, by stem and method, as the protocol scores its videos.

    Args:
        metric: 'J' or 'F'.
    """

    def __init__(self, metric: str) -> None:
        self.array = {'J': 'region', 'F': 'boundary'}[metric]
        self.values: dict[str, dict[str, float]] = {}

    def take(self, work: ScoringTask, part: PartialResult) -> None:
        """Keep the frames of a video."""
        for column, position in enumerate(part.arrays['frames']):
            scores = part.arrays[self.array][:, column]
            if np.isfinite(scores).any():
                stem = work.items[int(position)].stem
                self.values.setdefault(stem, {})[work.method] = float(np.nanmean(scores))


def mask_values(args: argparse.Namespace, protocol: Protocol) -> dict[str, dict[str, float]]:
    """The metric by frame and method.

    Raises:
        DataError: The metric is no other than of maps, or a folder lacks frames.
    """
    metric = args.metric or 'J'
    if metric not in ('J', 'F'):
        raise DataError(f'--metric {metric!r}; expected J or F with the protocol {protocol.name}.')
    scores = FrameScores(metric)
    evaluate_folders(name_methods(args.methods), args.truth, protocol, sinks=[scores])
    return scores.values


def map_values(args: argparse.Namespace, protocol: MapProtocol) -> dict[str, dict[str, float]]:
    """The metric by image and method, of the images that decide which are shown.

    Raises:
        DataError: Folders have nothing in common, or the protocol has no such metric.
    """
    methods = {name: prediction_tree(folder) for name, folder in name_methods(args.methods).items()}
    truth = list_tree(Path(args.truth))
    common = [s for s in truth.files if all(s in tree.files for tree in methods.values())]
    wanted = args.names or (common if args.order == 'differ' else choose(common, args.number, None))
    absent = [name for name in wanted if name not in common]
    if absent or not common:
        raise DataError(f'{", ".join(absent) or "not one image"} is in all folders; {len(common)} images are.')
    return {s: values_of(s, methods, truth, protocol, args.metric or 's_measure') for s in wanted}


def map_cells(stem: str, trees: list[Tree], truth: Tree) -> list[np.ndarray]:
    """Ground truth and maps of an image, (H, W) uint8."""
    mask = read_truth(truth.path(stem))
    return [mask, *(resize_prediction(read_map(tree.path(stem)), mask.shape) for tree in trees)]


def mask_cells(protocol: MaskProtocol, stem: str, trees: list[Tree], image: np.ndarray | None) -> list[np.ndarray]:
    """Objects of an image in colours, over the image where there is one, (H, W, 3) uint8."""
    cells = []
    for tree in trees:
        path = tree.path(stem)
        labels = protocol.labels(read_annotation(path, protocol.encoding([path])))
        fits = image is not None and image.shape[:2] == labels.shape
        cells.append(overlay_labels(image, np.where(labels == UNKNOWN, 0, labels)) if fits else coloured(labels))
    return cells


def compare(args: argparse.Namespace) -> Path:
    """Draw the sheet.

    Raises:
        DataError: Folders do not fit each other.
    """
    protocol = get_protocol(args.protocol)
    of_masks = isinstance(protocol, MaskProtocol)
    metric = args.metric or ('J' if of_masks else 's_measure')
    values = mask_values(args, protocol) if of_masks else map_values(args, protocol)
    absent = [name for name in args.names or [] if name not in values]
    if absent or not values:
        raise DataError(f'{", ".join(absent) or "not one image"} counts in all folders; {len(values)} images do.')
    spread = {s: max(v.values()) - min(v.values()) for s, v in values.items()} if args.order == 'differ' else None
    trees = [list_tree(Path(args.truth)), *(prediction_tree(folder) for folder in name_methods(args.methods).values())]
    images, rows = image_tree(args.images), []
    for stem in args.names or choose(list(values), args.number, spread):
        image = read_image(images.path(stem)) if images and stem in images.files else None
        cells = mask_cells(protocol, stem, trees, image) if of_masks else map_cells(stem, trees[1:], trees[0])
        texts = ['', *(f'{TITLES.get(metric, metric)} {value:.3f}' for value in values[stem].values())]
        # The name stands under the first cell; a long one ends in its frame.
        first = stem[-args.cell // 8 :]
        if image is not None:
            cells, texts = [image, *cells], [first, *texts]
        else:
            texts[0] = first
        rows.append([captioned(cell, text, args.cell) for cell, text in zip(cells, texts)])
    titles = (['image'] if images else []) + ['ground truth', *name_methods(args.methods)]
    return write_png(args.out, sheet(rows, titles, args.cell, tight=True))


def main(arguments: list[str] | None = None) -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('methods', nargs='+', metavar='[NAME=]FOLDER', help='folders of maps or of objects')
    parser.add_argument('--truth', required=True, metavar='DIR')
    parser.add_argument('--images', metavar='DIR')
    parser.add_argument('--out', required=True, metavar='FILE')
    parser.add_argument('--names', nargs='+', metavar='STEM')
    parser.add_argument('--number', type=int, default=8, metavar='N')
    parser.add_argument('--order', choices=('even', 'differ'), default='even')
    parser.add_argument('--protocol', default='sod')
    parser.add_argument('--metric', help='below a map (s_measure); J or F of objects (J)')
    parser.add_argument('--cell', type=int, default=180, metavar='PIXELS')
    args = parser.parse_args(arguments)
    try:
        print(compare(args))
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
