"""Check labels of tracked objects and pack them as a benchmark's server takes them."""

import argparse

from salseg.cli.common import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg submission``."""
    parser.add_argument('form', metavar='FORM', help='davis17, davis-testdev, ytvos or mose')
    parser.add_argument('labels', metavar='DIR', help='labels, DIR/<video>/<frame>.png')
    parser.add_argument('--data', required=True, metavar='DIR', help='the data set (ytvos, mose: its split)')
    parser.add_argument('--list', metavar='FILE', help='videos, relative to --data; by default those of the split')
    parser.add_argument('--out', metavar='FILE', help='the zip, FORM.zip by default')


def run(args: argparse.Namespace) -> int:
    """Check and pack."""
    from salseg.apis.submissions import submit_folder

    path = submit_folder(args.form, args.labels, args.data, args.out or f'{args.form}.zip', args.list)
    say(f'for the server: {path}')
    return 0
