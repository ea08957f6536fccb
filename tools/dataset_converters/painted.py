"""Scribbles painted in two colours with any program, as the codes of scribbles: 0 unknown, 1 object, 2 background."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__, 'folder with image/ and painted/, PNG files of the same names')
    parser.add_argument('--object', default='red', metavar='COLOUR', help='of scribbles on the object (red)')
    parser.add_argument('--background', default='blue', metavar='COLOUR', help='of scribbles on the background (blue)')
    parser.add_argument('--tolerance', type=int, default=60, help='how far a channel may differ, 0 to 255 (60)')
    parser.add_argument('--images', metavar='DIR', help='images, where the folder is called unusually')
    parser.add_argument('--painted', metavar='DIR', help='painted files, likewise')
    args = parser.parse_args()
    from salseg.apis.converting import scribbles_from_paint

    colours = dict(object_colour=args.object, background_colour=args.background, tolerance=args.tolerance)
    folders = dict(images=args.images, painted=args.painted, how=args.how)
    return run_converter(lambda show: scribbles_from_paint(args.source, args.out, **colours, **folders, progress=show))


if __name__ == '__main__':
    sys.exit(main())
