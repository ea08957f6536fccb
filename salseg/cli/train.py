"""Train a model from a config, or all stages of a project one after the other."""

import argparse

from salseg.cli.common import add_launcher, add_model, add_options, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg train``."""
    add_model(parser)
    parser.add_argument(
        '--stages',
        nargs='?',
        const='',
        metavar='CHAIN',
        help='MODEL is a project: train all of its stages, each from the one before, below --work-dir; a stopped chain is '
        'resumed by the same command',
    )
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
    parser.add_argument(
        '--no-pretrained', action='store_true', help='start at random what the config fills from pretrained weights'
    )
    parser.add_argument(
        '--allow-changes',
        action='store_true',
        help='with --resume: go on though config or data are not those that the run was begun with',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Train."""
    from salseg.apis.converting import releases
    from salseg.engine.train import train

    if args.stages is not None:
        return _stages(args)
    train(
        args.model,
        args.cfg_options,
        args.work_dir,
        args.resume,
        args.amp,
        args.launcher,
        releases(),
        args.from_scratch,
        not args.no_pretrained,
        args.allow_changes,
    )
    return 0


def _stages(args: argparse.Namespace) -> int:
    from salseg.apis.converting import releases
    from salseg.apis.stages import run_stages
    from salseg.errors import ConfigError

    if args.resume or args.from_scratch:
        raise ConfigError('--stages resumes by itself and knows every start: leave out --resume and --from-scratch.')
    options = [*args.cfg_options, *(['model.pretrained=False'] if args.no_pretrained else [])]
    folder = args.work_dir or f'work_dirs/{args.model}'
    run_stages(args.model, folder, args.stages, options, args.amp, args.launcher, releases(), say)
    return 0
