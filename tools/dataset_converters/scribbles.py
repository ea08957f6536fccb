"""Scribbles as codes 0 unknown, 1 object, 2 background: from a folder per class (img, gt, mask), or drawn from masks."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert, or draw with --draw."""
    parser = converter_parser(__doc__, 'folder with img/, gt/, mask/; with --draw one with images and masks')
    parser.add_argument('--draw', action='store_true', help='draw scribbles from the masks')
    parser.add_argument('--seed', type=int, default=0, help='of the drawn scribbles (0)')
    parser.add_argument(
        '--width', type=float, metavar='PIXELS', help='brush; by default 1.2 to 2.2 %% of the shorter side'
    )
    parser.add_argument(
        '--sloppiness', type=float, default=0.0, metavar='PIXELS', help='how far scribbles may miss (0)'
    )
    parser.add_argument('--images', metavar='DIR', help='images, where the folder is called unusually; with --draw')
    parser.add_argument('--masks', metavar='DIR', help='masks, likewise')
    args = parser.parse_args()
    from salseg.apis.converting import draw_from_masks, merge_scribbles

    if not args.draw:
        return run_converter(lambda show: merge_scribbles(args.source, args.out, args.how, show))
    options = dict(seed=args.seed, width=args.width, sloppiness=args.sloppiness, images=args.images, masks=args.masks)
    return run_converter(lambda show: draw_from_masks(args.source, args.out, **options, how=args.how, progress=show))


if __name__ == '__main__':
    sys.exit(main())
