"""Write saliency maps of your own pictures; no ground truth is needed."""

import argparse

from salseg.cli.common import add_model, add_options, add_weights, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg predict``."""
    add_model(parser)
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='pictures, folders or patterns')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the results')
    parser.add_argument('--save', default='mask', metavar='KINDS', help='some of mask,overlay,cutout (default: mask)')
    parser.add_argument('--batch-size', type=int, default=1, metavar='N', help='pictures per forward pass')
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Predict; status 1 if some pictures could not be read."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from salseg.apis.models import init_model
    from salseg.apis.predicting import SaliencyPredictor, predict_files
    from salseg.engine.runner import device_line

    model = init_model(args.model, args.checkpoint, args.device, args.cfg_options)
    predictor = SaliencyPredictor(model, args.random_weights)
    say(device_line())
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task('predicting', total=None)
        written, failed = predict_files(
            predictor,
            args.inputs,
            args.out,
            tuple(args.save.split(',')),
            args.batch_size,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    say(f'{len(written)} files written below {args.out}')
    for reason in failed.values():
        say(f'left out: {reason}')
    return 1 if failed else 0
