"""VOS, or another video saliency set of any layout, as JPEGImages/<video>/ and Annotations/<video>/ (0, 255)."""

import sys
from pathlib import Path

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__)
    parser.add_argument('--layout', default=None, help='layout of the source; found out by default')
    parser.add_argument('--images', metavar='DIR', help='frames of a video, {video} in it, where no layout fits')
    parser.add_argument('--labels', metavar='DIR', help='annotations, likewise')
    parser.add_argument('--lists', nargs='+', default=[], metavar='FILE', help='splits: a video a line')
    args = parser.parse_args()
    from salseg.apis.converting import convert_videos

    options = dict(layout=args.layout, images=args.images, labels=args.labels, lists=[Path(n) for n in args.lists])
    return run_converter(
        lambda show: convert_videos(args.source, args.out, 'union', **options, how=args.how, progress=show)
    )


if __name__ == '__main__':
    sys.exit(main())
