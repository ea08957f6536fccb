"""Write a model's network as ONNX or as a program of torch.export, checked against the model."""

import argparse

from salseg.cli.common import add_model, add_options, add_weights, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg export``."""
    add_model(parser)
    parser.add_argument('--out', required=True, metavar='FILE', help='file to write, without suffix')
    parser.add_argument('--format', choices=('onnx', 'torch'), default='onnx', help='.onnx or .pt2')
    parser.add_argument('--size', metavar='H,W', help="height and width of the input (default: the config's)")
    parser.add_argument(
        '--frames', type=int, metavar='N', help='images that it takes: a batch, a group, a clip; objects of a tracker'
    )
    parser.add_argument(
        '--tolerance', type=float, default=1e-4, help="largest difference as a fraction of an output's largest value"
    )
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    from salseg.apis.exporting import export_model
    from salseg.apis.models import init_model
    from salseg.errors import ConfigError

    size = None
    if args.size is not None:
        sides = args.size.split(',')
        if len(sides) != 2 or not all(side.isdigit() and int(side) for side in sides):
            raise ConfigError(f'--size {args.size}: expected height and width, for example 320,320.')
        size = int(sides[0]), int(sides[1])
    model = init_model(args.model, args.checkpoint, 'cpu', args.cfg_options, trained=not args.random_weights)
    for file in export_model(model, args.out, args.format, size, args.frames, args.tolerance, args.random_weights):
        say(f'{file.path}: differs from the model by {file.error:.1e} of the largest value')
        for what, shapes in (('in ', file.inputs), ('out', file.outputs)):
            for name, shape in shapes.items():
                say(f'  {what} {name} {tuple(shape)}')
    return 0
