"""Draw what a network sees: maps from inside it, over images, groups or videos; no ground truth is needed.

What can be shown depends on the model: ``--what list`` tells. A tracker needs the objects of its video, as `salseg track`.
"""

import argparse
from typing import TYPE_CHECKING, Any

from salseg.cli.common import add_model, add_options, add_weights, progress_bar, say
from salseg.errors import DataError

if TYPE_CHECKING:
    from salseg.models import BaseSegmentor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg explain``."""
    add_model(parser)
    parser.add_argument('inputs', nargs='*', metavar='INPUT', help='images, folders, globs, groups or videos')
    parser.add_argument(
        '--what', required=True, metavar='NAME', help='what is shown; list: names what the model offers'
    )
    parser.add_argument('--out', metavar='DIR', help='folder for the drawings')
    parser.add_argument('--mask', metavar='FILE', help='trackers: label PNG of the first frame, or a folder of them')
    parser.add_argument(
        '--box', action='append', default=[], metavar='[FRAME@]ID:X0,Y0,X1,Y1', help='trackers: a box; may be repeated'
    )
    parser.add_argument(
        '--encoding', choices=('index', 'binary'), default='index', help='of the masks (default: index)'
    )
    parser.add_argument('--max-frames', type=int, metavar='N', help='stop a video or a folder after so many frames')
    parser.add_argument('--overwrite', action='store_true', help='write into a folder that holds files already')
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Draw, or list what can be drawn."""
    from salseg.apis.explaining import get_explainer
    from salseg.apis.explanation_files import explain_files
    from salseg.apis.models import init_model
    from salseg.models.explainers import offered

    listing = args.what == 'list'
    needs = not (args.random_weights or listing)
    model = init_model(args.model, args.checkpoint, args.device, args.cfg_options, trained=needs)
    if listing:
        found = offered(model)
        for name, kind in found.items():
            say(f'{name}: {kind.shows}')
        if not found:
            say(f'{args.model} has nothing to show.')
        return 0
    kind = get_explainer(model, args.what)
    if not args.inputs or not args.out:
        raise DataError('name what is to be explained and where to: salseg explain MODEL INPUT --what NAME --out DIR.')
    if args.max_frames is not None and args.max_frames < 1:
        raise DataError(f'--max-frames {args.max_frames}; expected 1 or more.')
    say(f'{args.what}: {kind.shows}')
    explainer, prompts = _explainer(model, args)
    with progress_bar('explaining', 'frames') as update:
        sheets = explain_files(
            explainer, args.inputs, args.out, prompts, args.max_frames, args.overwrite, lambda n: update(n, None)
        )
    for path in sheets:
        say(f'{path}')
    return 0


def _explainer(model: 'BaseSegmentor', args: argparse.Namespace) -> tuple[Any, Any]:
    """The model with what it shows, and the prompts of a tracker."""
    from salseg.apis.explaining import SetExplainer, TrackExplainer
    from salseg.apis.prompts import read_prompts
    from salseg.io.videos import FrameSource

    if model.input_type != 'video':
        if args.mask or args.box:
            raise DataError(f'--mask and --box are for trackers; {args.model} needs no prompts.')
        return SetExplainer(model, args.what, args.random_weights), None
    source = FrameSource(args.inputs[0])
    prompts = read_prompts(source, args.mask, args.box, args.encoding, note=say)
    return TrackExplainer(model, args.what, args.random_weights), prompts
