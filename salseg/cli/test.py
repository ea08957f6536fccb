"""Test a checkpoint on the test sets of a config."""

import argparse

from salseg.cli.common import add_launcher, add_model, add_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg test``."""
    add_model(parser)
    parser.add_argument(
        'checkpoint',
        metavar='CHECKPOINT',
        nargs='?',
        help='weights to test, published ones by name (xmem@official), or the folder of a run for its newest; may be left out '
        'where MODEL brings weights',
    )
    parser.add_argument(
        '--work-dir', metavar='DIR', help='folder for logs and results, test/ beside the checkpoint by default'
    )
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Test."""
    from salseg.apis.converting import releases
    from salseg.engine.test import test

    test(args.model, args.checkpoint, args.cfg_options, args.work_dir, args.launcher, releases())
    return 0
