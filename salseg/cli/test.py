"""Test a checkpoint on the test sets of a config.

The table is that of the config's protocol; frames per second and peak memory stand above it. With --out the predictions
are kept, in folders that `salseg evaluate` scores alike, with curves, CSV and a page.
"""

import argparse

from salseg.cli.common import add_launcher, add_model, add_options, add_protocols, names_of, say


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
    parser.add_argument(
        '--out', metavar='DIR', help='keep maps or labels, DIR/<set>/..., and reports, DIR/reports/<set>'
    )
    parser.add_argument(
        '--submission',
        metavar='FORM',
        help='zip for a server, checked: davis17, davis-testdev, ytvos or mose; in --out, or predictions/ in the work dir',
    )
    parser.add_argument('--overwrite', action='store_true', help="replace another run's results in --out")
    add_protocols(parser, "the config's")
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Test."""
    from salseg.apis.converting import releases

    protocols, columns = names_of(args.protocol), names_of(args.columns)
    if args.out is None and args.submission is None:
        from salseg.engine.test import test

        test(
            args.model, args.checkpoint, args.cfg_options, args.work_dir, args.launcher, releases(), protocols, columns
        )
        return 0
    from pathlib import Path

    from salseg.apis.testing import test_and_save
    from salseg.engine.test import find_tested
    from salseg.evaluation.shards import launched_shard

    out = args.out or Path(args.work_dir or find_tested(args.model, args.checkpoint)[2]) / 'predictions'
    saved = test_and_save(
        args.model,
        args.checkpoint,
        out,
        args.cfg_options,
        args.work_dir,
        args.launcher,
        releases(),
        args.overwrite,
        args.submission,
        protocols,
        columns,
    )
    if launched_shard(args.launcher)[0] > 0:
        return 0
    for name, folder in saved.folders.items():
        say(f'{name}: {folder}')
    for page in saved.pages:
        say(f'report: {page}')
    if saved.submission is not None:
        say(f'for the server: {saved.submission}')
    return 0
