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
        '--how', choices=('copy', 'hardlink', 'symlink'), default='copy', help='pictures: copied or linked'
    )
    return parser


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
