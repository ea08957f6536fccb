"""CoCA, CoSOD3k, Cosal2015, iCoseg, MSRC and copies of them as image/<group>/ and gt/<group>/ (0, 255)."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    parser = converter_parser(__doc__)
    parser.add_argument('--images', metavar='DIR', help='images of a group, {video} for the group, if called unusually')
    parser.add_argument('--labels', metavar='DIR', help='masks, likewise')
    parser.add_argument('--groups', nargs='+', metavar='NAME', help='groups to take; all by default')
    args = parser.parse_args()
    from salseg.apis.converting import convert_groups

    folders = dict(images=args.images, labels=args.labels, groups=args.groups)
    return run_converter(lambda show: convert_groups(args.source, args.out, **folders, how=args.how, progress=show))


if __name__ == '__main__':
    sys.exit(main())
