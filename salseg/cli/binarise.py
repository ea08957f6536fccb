"""Turn grey maps into masks of 0 and 255, for tools and protocols that want masks."""

import argparse

from salseg.cli.common import progress_bar, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg binarise``."""
    parser.add_argument('folder', metavar='FOLDER', help='maps, sub-folders too; or what `salseg predict` wrote')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the masks, named like the maps')
    parser.add_argument(
        '--how',
        choices=('threshold', 'adaptive', 'crf'),
        default='threshold',
        help="a fixed threshold (default), twice each map's mean, or a dense CRF with the images before the threshold",
    )
    parser.add_argument('--threshold', type=float, default=0.5, metavar='P', help='least probability of object (0.5)')
    parser.add_argument('--images', metavar='DIR', help='crf: the images, paired by path like the maps')


def run(args: argparse.Namespace) -> int:
    """Binarise."""
    from salseg.apis.binarising import binarise_files

    with progress_bar('binarising', 'maps') as update:
        count = binarise_files(args.folder, args.out, args.how, args.threshold, args.images, update)
    say(f'{count} masks written below {args.out}')
    return 0
