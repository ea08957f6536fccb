"""Write saliency maps of your own pictures, groups or videos; no ground truth is needed.

What a folder means depends on the model: pictures one by one, a group with something in common (a folder of folders
holds many groups), or the frames of a video.
"""

import argparse
from typing import TYPE_CHECKING

from salseg.cli.common import add_model, add_options, add_weights, progress_bar, say

if TYPE_CHECKING:
    from salseg.models import BaseSegmentor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg predict``."""
    add_model(parser)
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='pictures, folders, patterns or videos')
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the results')
    parser.add_argument('--save', default='mask', metavar='KINDS', help='some of mask,overlay,cutout (default: mask)')
    parser.add_argument('--batch-size', type=int, default=1, metavar='N', help='pictures per forward pass')
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Predict; status 1 if some pictures could not be read."""
    from salseg.apis.kinds import set_kind
    from salseg.apis.models import init_model
    from salseg.engine.runner import device_line

    model = init_model(args.model, args.checkpoint, args.device, args.cfg_options)
    say(device_line())
    return {'image': _images, 'group': _groups, 'clip': _clips}[set_kind(model)](model, args)


def _images(model: 'BaseSegmentor', args: argparse.Namespace) -> int:
    from salseg.apis.predicting import SaliencyPredictor, predict_files

    predictor = SaliencyPredictor(model, args.random_weights)
    with progress_bar('predicting') as update:
        written, failed = predict_files(
            predictor, args.inputs, args.out, tuple(args.save.split(',')), args.batch_size, update
        )
    say(f'{len(written)} files written below {args.out}')
    for reason in failed.values():
        say(f'left out: {reason}')
    return 1 if failed else 0


def _groups(model: 'BaseSegmentor', args: argparse.Namespace) -> int:
    from salseg.apis.groups import GroupPredictor, predict_groups

    predictor = GroupPredictor(model, args.random_weights)
    with progress_bar('groups') as update:
        results = predict_groups(predictor, args.inputs, args.out, tuple(args.save.split(',')), progress=update)
    for result in results:
        for note in result.notes:
            say(f'{result.name}: {note}')
        for reason in result.failed.values():
            say(f'{result.name}: left out: {reason}')
    say(f'{sum(len(result.written) for result in results)} files of {len(results)} groups written below {args.out}')
    return 1 if any(result.failed for result in results) else 0


def _clips(model: 'BaseSegmentor', args: argparse.Namespace) -> int:
    from pathlib import Path

    from salseg.apis.clips import ClipPredictor, predict_video

    predictor = ClipPredictor(model, random_weights=args.random_weights)
    kinds = tuple(args.save.split(','))
    for source in args.inputs:
        out = Path(args.out) if len(args.inputs) == 1 else Path(args.out) / Path(source).stem
        with progress_bar(Path(source).name) as update:
            frames = predict_video(predictor, source, out, (*kinds, 'video'), progress=update)
        say(f'{frames} frames of {source} written below {out}')
    return 0
