"""A sheet of several methods on the same images.

    python tools/analysis_tools/compare_methods.py ours=maps/a theirs=maps/b --truth gt --images images --out sheet.png

Rows are images, columns image, ground truth and methods; files pair by their path below the folders. Below a map
stands its value of --metric. Images are those of --names, or --number of them, spread evenly (--order even)
or the ones on which the methods differ most (--order differ).
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError, SalsegError
from salseg.evaluation.folders import Tree, list_tree, name_methods
from salseg.evaluation.functional import resize_prediction
from salseg.evaluation.protocols import MapProtocol, get_protocol
from salseg.evaluation.protocols.maps import image_row
from salseg.io.annotations import read_map, read_truth
from salseg.io.images import read_image, write_png
from salseg.visualization import sheet
from salseg.visualization.report.cases import image_tree

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
    """A map with a line of text below it, (H, W, 3) uint8."""
    factor = cell / max(image.shape)
    size = tuple(max(1, round(s * factor)) for s in image.shape[1::-1])
    shown = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2RGB)
    line = np.full((CAPTION, shown.shape[1], 3), 255, np.uint8)
    cv2.putText(line, text, (2, CAPTION - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([shown, line])


def compare(args: argparse.Namespace) -> Path:
    """Draw the sheet.

    Raises:
        DataError: Folders do not fit each other.
    """
    protocol = get_protocol(args.protocol)
    if not isinstance(protocol, MapProtocol):
        raise DataError(f'--protocol {protocol.name} is one of masks; expected one of maps, for example sod.')
    methods = {name: list_tree(folder) for name, folder in name_methods(args.methods).items()}
    truth = list_tree(Path(args.truth))
    images = image_tree(args.images)
    common = [s for s in truth.files if all(s in tree.files for tree in methods.values())]
    absent = [name for name in args.names or [] if name not in common]
    if absent or not common:
        raise DataError(f'{", ".join(absent) or "not one image"} is in all folders; {len(common)} images are.')
    spread = None
    if args.order == 'differ' and not args.names:
        rows = {s: list(values_of(s, methods, truth, protocol, args.metric).values()) for s in common}
        spread = {s: max(v) - min(v) for s, v in rows.items()}
    rows = []
    for stem in args.names or choose(common, args.number, spread):
        mask = read_truth(truth.path(stem))
        values = values_of(stem, methods, truth, protocol, args.metric)
        maps = [resize_prediction(read_map(tree.path(stem)), mask.shape) for tree in methods.values()]
        first = [read_image(images.path(stem))] if images and stem in images.files else []
        rows.append([*first, mask, *(captioned(m, f'{v:.3f}', args.cell) for m, v in zip(maps, values.values()))])
    titles = (['image'] if images else []) + ['ground truth', *methods]
    return write_png(args.out, sheet(rows, titles, args.cell))


def main(arguments: list[str] | None = None) -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('methods', nargs='+', metavar='[NAME=]FOLDER', help='folders of maps')
    parser.add_argument('--truth', required=True, metavar='DIR')
    parser.add_argument('--images', metavar='DIR')
    parser.add_argument('--out', required=True, metavar='FILE')
    parser.add_argument('--names', nargs='+', metavar='STEM')
    parser.add_argument('--number', type=int, default=8, metavar='N')
    parser.add_argument('--order', choices=('even', 'differ'), default='even')
    parser.add_argument('--protocol', default='sod')
    parser.add_argument('--metric', default='s_measure')
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
