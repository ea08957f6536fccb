"""Compute something once and store it: guidance masks, optical flow, or annotations made by a model (pseudo-labels).

Results lie in the ordinary layouts with a record of what made them; an interrupted run is resumed when started again.
"""

import argparse

from salseg.cli.common import add_launcher, add_options, add_weights, progress_bar, say
from salseg.io.files import owning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg precompute``."""
    parser.add_argument(
        'what', choices=('guidance', 'flow', 'pseudo-labels'), metavar='WHAT', help='guidance, flow or pseudo-labels'
    )
    parser.add_argument(
        'model', metavar='MODEL', help="name, config or run's folder; flow: the data set's folder, any layout of videos"
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the results')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='guidance: whose data set')
    parser.add_argument(
        '--style', choices=('smooth', 'released'), default='smooth', help='pseudo-labels: how maps are written'
    )
    parser.add_argument(
        '--images', choices=('link', 'copy', 'none'), default='link', help='pseudo-labels: images beside them'
    )
    parser.add_argument(
        '--estimator',
        default='dis',
        metavar='NAME',
        help='flow: dis, farneback, or a file of RAFT weights (raft_small.pth or raft_large.pth of torchvision)',
    )
    parser.add_argument(
        '--directions', choices=('forward', 'backward', 'both'), default='both', help='flow: to the next frame, or back'
    )
    add_weights(parser)
    add_options(parser)
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Compute and store."""
    if args.launcher != 'none':
        from salseg.engine.launch import init_processes

        init_processes(args.launcher)
    with owning(args.out, shared=args.launcher != 'none'):
        return _compute(args)


def _compute(args: argparse.Namespace) -> int:
    if args.what == 'flow':
        return _flow(args)
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


def _flow(args: argparse.Namespace) -> int:
    from salseg.apis.optical_flow import precompute_flow

    with progress_bar('flow') as update:
        record = precompute_flow(args.model, args.out, _estimator(args), args.directions, progress=update)
    say(f'written below {args.out}; how: {record}')
    say(f"read it with ComputeFlow(estimator=dict(type='FlowFiles', root='{args.out}'))")
    return 0


def _estimator(args: argparse.Namespace) -> dict[str, str]:
    known = {'dis': 'DISFlow', 'farneback': 'FarnebackFlow'}
    if args.estimator in known:
        return dict(type=known[args.estimator])
    size = 'large' if 'large' in args.estimator else 'small'
    return dict(type='RAFTFlow', weights=args.estimator, size=size, device=args.device or 'cpu')
