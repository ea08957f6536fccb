"""Train a model from a config."""

import argparse

from salseg.cli.common import add_launcher, add_model, add_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg train``."""
    add_model(parser)
    parser.add_argument('--work-dir', metavar='DIR', help='folder of the run, work_dirs/<config> by default')
    parser.add_argument(
        '--resume',
        nargs='?',
        const=True,
        default=False,
        metavar='FILE',
        help="resume from FILE or the folder's newest checkpoint",
    )
    parser.add_argument(
        '--from-scratch', action='store_true', help='let a later stage begin without the weights of the one before'
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Train."""
    from salseg.apis.converting import releases
    from salseg.engine.train import train

    train(
        args.model,
        args.cfg_options,
        args.work_dir,
        args.resume,
        args.amp,
        args.launcher,
        releases(),
        args.from_scratch,
    )
    return 0
