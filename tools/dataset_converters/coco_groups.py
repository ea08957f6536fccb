"""Groups of a common category from COCO's instance masks: img/<category>/ and gt/<category>/."""

import argparse
import sys
from pathlib import Path

from salseg.cli.converting import run_converter


def main() -> int:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('images', type=Path, metavar='IMAGES', help='folder train2017')
    parser.add_argument('annotations', type=Path, metavar='JSON', help='instances_train2017.json')
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to write')
    parser.add_argument('--min-area', type=float, default=4000, metavar='PIXELS', help='of an instance (4000)')
    parser.add_argument('--least', type=int, default=2, metavar='N', help='images of a group (2)')
    parser.add_argument('--most', type=int, metavar='N', help='images of a group; the largest objects stay')
    parser.add_argument('--size', type=int, metavar='PIXELS', help='squares of this side, 224 in the published copies')
    args = parser.parse_args()
    from salseg.apis.converting import coco_groups

    numbers = dict(min_area=args.min_area, least=args.least, most=args.most, size=args.size)
    return run_converter(lambda show: coco_groups(args.images, args.annotations, args.out, **numbers, progress=show))


if __name__ == '__main__':
    sys.exit(main())
