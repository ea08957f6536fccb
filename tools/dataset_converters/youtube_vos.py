"""YouTube-VOS at 480 pixels of the shorter side, for training: a split's JPEGImages/, Annotations/, meta.json, train.txt."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__, 'folder train')
    parser.add_argument('--size', type=int, default=480, metavar='PIXELS', help='shorter side (480)')
    parser.add_argument('--keep-empty', action='store_true', help='list videos whose first annotation is empty too')
    args = parser.parse_args()
    from salseg.apis.converting import shrink_youtube_vos

    return run_converter(lambda show: shrink_youtube_vos(args.source, args.out, args.size, args.keep_empty, show))


if __name__ == '__main__':
    sys.exit(main())
