"""DAVIS, 2016 or 2017, as JPEGImages/<video>/ and Annotations/<video>/; for the task of 2016 all objects are united."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__, 'folder DAVIS')
    parser.add_argument(
        '--masks', choices=('union', 'ids'), default='union', help='one mask of 0 and 255, or object ids'
    )
    parser.add_argument('--resolution', default='480p', help='480p (default), 1080p or Full-Resolution')
    parser.add_argument('--lists', nargs='+', default=[], metavar='FILE', help='lists of the release, either form')
    args = parser.parse_args()
    from pathlib import Path

    from salseg.apis.converting import convert_videos

    folders = dict(
        images=f'JPEGImages/{args.resolution}/{{video}}',
        labels=f'Annotations/{args.resolution}/{{video}}',
        lists=[Path(name) for name in args.lists],
    )
    return run_converter(
        lambda show: convert_videos(args.source, args.out, args.masks, **folders, how=args.how, progress=show)
    )


if __name__ == '__main__':
    sys.exit(main())
