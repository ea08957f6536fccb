"""Boxes around the objects of a data set's masks, as .csv (x0, y0, x1, y1) or COCO's .json (x, y, width, height)."""

import argparse
import sys
from pathlib import Path

from salseg.cli.converting import run_converter


def main() -> int:
    """Write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', type=Path, metavar='FOLDER', help='data set in any layout that check-data knows')
    parser.add_argument('out', type=Path, metavar='FILE', help='.csv or .json')
    parser.add_argument('--kind', choices=('sod', 'cosod', 'vsod', 'vos'), help='what it is; found out by default')
    parser.add_argument('--images', metavar='DIR', help='images, where the folder is called unusually')
    parser.add_argument('--labels', metavar='DIR', help='masks, likewise')
    args = parser.parse_args()
    from salseg.apis.converting import write_boxes

    folders = dict(kind=args.kind, images=args.images, labels=args.labels)
    return run_converter(lambda show: write_boxes(args.source, args.out, **folders, progress=show))


if __name__ == '__main__':
    sys.exit(main())
