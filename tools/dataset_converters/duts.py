"""DUTS-TR, its scribbles and DUTS-TE as one folder: image/, mask/, scribble/, train.txt, test.txt."""

import sys
from pathlib import Path

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__, 'folder DUTS-TR')
    parser.add_argument(
        '--scribbles', type=Path, metavar='DIR', help='scribble PNGs: 0 unknown, 1 object, 2 background'
    )
    parser.add_argument('--test', type=Path, metavar='DIR', help='folder DUTS-TE')
    args = parser.parse_args()
    from salseg.apis.converting import convert_duts

    return run_converter(lambda show: convert_duts(args.source, args.out, args.scribbles, args.test, args.how, show))


if __name__ == '__main__':
    sys.exit(main())
