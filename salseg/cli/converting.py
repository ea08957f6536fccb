"""What the scripts of tools/dataset_converters share: arguments, a bar, the summary, the exit status."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from salseg.cli.common import plain_bar, say
from salseg.errors import SalsegError


def converter_parser(description: str, source: str = 'folder of the release') -> argparse.ArgumentParser:
    """A parser with SOURCE, OUT and --how."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('source', type=Path, metavar='SOURCE', help=source)
    parser.add_argument('out', type=Path, metavar='OUT', help='folder to write; the source is never touched')
    parser.add_argument(
        '--how', choices=('copy', 'hardlink', 'symlink'), default='copy', help='images: copied or linked'
    )
    return parser


def run_video_converter(description: str, layout: str | None = None) -> int:
    """All of a script for videos with masks: arguments, conversion to one mask of 0 and 255 a frame, exit status.

    Args:
        description: Of the script.
        layout: Of the source; found out by default.
    """
    parser = converter_parser(description)
    parser.add_argument('--layout', default=layout, help=f'layout of the source ({layout or "found out by default"})')
    parser.add_argument('--images', metavar='DIR', help='frames of a video, {video} in it, where no layout fits')
    parser.add_argument('--labels', metavar='DIR', help='annotations, likewise')
    parser.add_argument('--lists', nargs='+', default=[], metavar='FILE', help='splits: a video a line')
    args = parser.parse_args()
    from salseg.apis.converting import convert_videos

    options = dict(layout=args.layout, images=args.images, labels=args.labels, lists=[Path(n) for n in args.lists])
    return run_converter(
        lambda show: convert_videos(args.source, args.out, 'union', **options, how=args.how, progress=show)
    )


def run_converter(convert: Callable[[Callable[[int, int], None]], object]) -> int:
    """Convert with a bar on standard error, and show the summary; status 2 on bad input."""
    try:
        with plain_bar('converting', stderr=True) as show:
            summary = convert(show)
    except SalsegError as error:
        sys.stderr.write(f'{type(error).__name__}: {error}\n')
        return 2
    say(summary.text())
    return 0
