"""Compute something once and store it: guidance masks, optical flow, or annotations made by a model (pseudo-labels).

Results lie in the ordinary layouts with a record of what made them; an interrupted run is resumed when started again.
"""

import argparse

from salseg.cli.common import add_launcher, add_options, add_weights, progress_bar, say
from salseg.io.files import owning

_FLOW_FOLDER = 'work_dirs/recipe-flow'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg precompute``."""
    parser.add_argument(
        'what', choices=('guidance', 'flow', 'pseudo-labels'), metavar='WHAT', help='guidance, flow or pseudo-labels'
    )
    parser.add_argument(
        'model',
        metavar='MODEL',
        nargs='?',
        help="name, config or run's folder; flow: the data set's folder, any layout of videos",
    )
    parser.add_argument(
        '--out', metavar='DIR', help=f'folder for the results; of flow --config by default {_FLOW_FOLDER}'
    )
    parser.add_argument(
        '--config', metavar='MODEL', help='flow: exactly the pairs of frames that this config reads flow between'
    )
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='guidance: whose data set')
    parser.add_argument(
        '--style', choices=('smooth', 'released'), default='smooth', help='pseudo-labels: how maps are written'
    )
    parser.add_argument(
        '--images', choices=('link', 'copy', 'none'), default='link', help='pseudo-labels: images beside them'
    )
    parser.add_argument(
        '--estimator',
        metavar='NAME',
        help='flow: dis (the default, where the config names none), farneback, raft, raft-large, or a file of RAFT weights '
        'of torchvision',
    )
    parser.add_argument(
        '--directions', choices=('forward', 'backward', 'both'), help='flow of a data set: to the next frame, or back'
    )
    parser.add_argument(
        '--chain',
        type=int,
        metavar='FRAMES',
        help='flow --config: compose the flow between frames far apart of steps of so many frames',
    )
    add_weights(parser)
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Compute and store."""
    if args.launcher != 'none':
        from salseg.engine.launch import init_processes

        init_processes(args.launcher)
    _check(args)
    with owning(args.out, shared=args.launcher != 'none'):
        return _compute(args)


def _compute(args: argparse.Namespace) -> int:
    if args.what == 'flow':
        return _recipe_flow(args) if args.config else _flow(args)
    if args.what == 'guidance':
        from salseg.apis.guidance import precompute_guidance

        with progress_bar('guidance') as update:
            record = precompute_guidance(
                args.model, args.out, args.split, args.checkpoint, args.device, args.cfg_options, progress=update
            )
        say(f'written below {args.out}; how: {record}')
        return 0
    from salseg.apis.pseudo_labels import precompute_pseudo_labels

    with progress_bar('pseudo-labels') as update:
        made = precompute_pseudo_labels(
            args.model,
            args.out,
            args.checkpoint,
            args.cfg_options,
            args.device,
            args.style,
            args.images,
            args.random_weights,
            progress=lambda name, done, total: update(done, total),
        )
    say(f'{", ".join(made)}: written below {args.out}')
    return 0


def _check(args: argparse.Namespace) -> None:
    from salseg.errors import ConfigError

    if (args.model is None) == (args.config is None):
        raise ConfigError(
            f'precompute {args.what}: name a MODEL (flow: a data set), or for flow --config MODEL instead; found '
            f'{"neither" if args.model is None else "both"}.'
        )
    for name in ('config', 'estimator', 'directions', 'chain'):
        if args.what != 'flow' and getattr(args, name) is not None:
            raise ConfigError(f'precompute {args.what}: --{name} belongs to precompute flow.')
    if args.config and args.directions:
        raise ConfigError('--directions is of a data set; with --config the recipe says which pairs it reads.')
    if args.chain is not None and not args.config:
        raise ConfigError('--chain belongs to --config: neighbouring frames have none between them.')
    if args.config:
        args.out = args.out or _FLOW_FOLDER
    if not args.out:
        raise ConfigError(f'precompute {args.what}: name the folder for the results: --out DIR.')


def _flow(args: argparse.Namespace) -> int:
    from salseg.apis.optical_flow import precompute_flow

    with progress_bar('flow') as update:
        record = precompute_flow(args.model, args.out, _estimator(args), args.directions or 'both', progress=update)
    say(f'written below {args.out}; how: {record}')
    say(f"read it with ComputeFlow(estimator=dict(type='FlowFiles', root='{args.out}'))")
    return 0


def _recipe_flow(args: argparse.Namespace) -> int:
    from salseg.apis.optical_flow import PATTERN, precompute_recipe_flow

    with progress_bar('flow') as update:
        record = precompute_recipe_flow(
            args.config, args.out, _estimator(args), args.chain or 0, args.cfg_options, progress=update
        )
    say(f'written below {args.out}; how: {record}')
    read = f"flow_estimator=dict(type='FlowFiles', root='{args.out}', pattern='{PATTERN}')"
    say(f'read it with --cfg-options "{read}"')
    return 0


def _estimator(args: argparse.Namespace) -> dict[str, str] | None:
    """Config of the estimator; None where nothing was said."""
    from salseg.datasets.flow.base import ESTIMATORS
    from salseg.errors import ConfigError

    if args.estimator is None:
        return None
    config = ESTIMATORS.get(args.estimator)
    if config is None and not args.estimator.endswith(('.pth', '.pt')):
        raise ConfigError(
            f'--estimator {args.estimator}; expected {", ".join(ESTIMATORS)}, or a file of RAFT weights (.pth).'
        )
    if config is None:
        config = dict(type='RAFTFlow', weights=args.estimator, size='large' if 'large' in args.estimator else 'small')
    return {**config, 'device': _device(args)} if config['type'] == 'RAFTFlow' else config


def _device(args: argparse.Namespace) -> str:
    import torch

    return args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
