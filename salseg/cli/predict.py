"""Write saliency maps of your own images, groups or videos; no ground truth is needed.

What an input means depends on the model: images one by one, a group with something in common (a folder of folders
holds many groups), or the frames of a video. A model on single images takes videos and cameras frame by frame. Without
MODEL the demo model that comes with salseg is used. A command that was stopped is resumed when it is repeated.
"""

import argparse
import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salseg.cli.common import add_launcher, add_options, add_weights, no_progress, progress_bar, say
from salseg.errors import DataError
from salseg.io.files import owning

if TYPE_CHECKING:
    from salseg.models import BaseSegmentor

DEMO = 'salseg-demo'
# Files that are configs or weights; all others are something to predict, or a reason about the file.
_MODEL_SUFFIXES = ('.py', '.json', '.yml', '.yaml', '.pth', '.pt', '.ckpt', '.safetensors')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg predict``."""
    parser.usage = 'salseg predict [MODEL] INPUT [INPUT ...] [--out DIR] [options]'
    parser.add_argument(
        'model', metavar='MODEL', help=f'name (see `salseg list`), config file, or folder of a run; {DEMO} by default'
    )
    parser.add_argument(
        'inputs', nargs='*', metavar='INPUT', help='images, folders, globs, videos, or the camera index'
    )
    parser.add_argument('--out', default='salseg_maps', metavar='DIR', help='folder for the results (salseg_maps)')
    parser.add_argument(
        '--save',
        metavar='KINDS',
        help='some of mask,overlay,cutout,report, of videos also video (default: mask, of videos mask,video)',
    )
    parser.add_argument(
        '--dataset',
        metavar='CONFIG',
        help="predict the test sets of a config (CONFIG:SET: one of them) as `salseg test` does, with each set's own "
        'preprocessing; no INPUT then',
    )
    parser.add_argument(
        '--batch-size', type=int, metavar='N', help="images per forward pass (1; with --dataset the config's)"
    )
    parser.add_argument('--watch', action='store_true', help='continue with images as they arrive, until Ctrl-C')
    parser.add_argument('--overwrite', action='store_true', help="replace another model's results")
    parser.add_argument('--max-frames', type=int, metavar='N', help='stop a video or camera after so many frames')
    parser.add_argument('--allow-gaps', action='store_true', help='numbers of a folder of frames may have gaps')
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    parser.add_argument('--shard', metavar='K/N', help='do one shard of N; all write into the same folder')
    add_launcher(parser)
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Predict; status 1 if some images could not be read, or a video not to its end."""
    _check(args)
    if args.dataset:
        return _dataset(args)
    args.batch_size = args.batch_size or 1
    model, inputs = _model_and_inputs(args)
    from salseg.apis.models import init_model
    from salseg.apis.predicting import refuse_tracker
    from salseg.engine.runner import device_line

    shard = _shard(args)
    device = args.device or _own_device(shard)
    network = init_model(
        model, args.checkpoint, device, args.cfg_options, trained=not args.random_weights, amp=args.amp
    )
    refuse_tracker(network)
    say(device_line() if shard[1] == 1 else f'shard {shard[0] + 1} of {shard[1]}: {device_line()}')
    commands = {'image': _images, 'group': _groups, 'clip': _clips}
    with owning(args.out, shared=shard[1] > 1):
        return commands[network.input_type](network, args, inputs, shard)


def _model_and_inputs(args: argparse.Namespace) -> tuple[str, list[str]]:
    """The demo model where the first word is something to predict and no model."""
    unnamed = is_input(args.model)
    if unnamed or args.model == DEMO:
        from salseg.catalog import model_cards

        card = model_cards()[DEMO]
        say(f'{"no MODEL was named: " * unnamed}{DEMO} ({card["Licence"]}). {card["Description"]}')
    if unnamed:
        return DEMO, [args.model, *args.inputs]
    if not args.inputs:
        raise DataError(
            f'{args.model} is taken for a model, and nothing to predict was named: salseg predict MODEL INPUT [INPUT ...]. '
            f'No image, video or folder of them is called {args.model}.'
        )
    return args.model, args.inputs


def is_input(word: str) -> bool:
    """Whether a word that may be a model is something to predict instead.

    Raises:
        ConfigError: A folder may be either.
    """
    from salseg.apis.inputs import is_camera
    from salseg.catalog import is_model_name
    from salseg.engine.config import is_run_folder

    path = Path(word)
    if is_model_name(word):
        return False
    if path.is_dir():
        return not is_run_folder(word)
    if path.exists():
        return path.suffix.lower() not in _MODEL_SUFFIXES
    return is_camera(word) or (glob.has_magic(word) and bool(glob.glob(word)))


def _check(args: argparse.Namespace) -> None:
    if args.batch_size is not None and args.batch_size < 1:
        raise DataError(f'--batch-size {args.batch_size}; expected 1 or more.')
    if args.max_frames is not None and args.max_frames < 1:
        raise DataError(f'--max-frames {args.max_frames}; expected 1 or more.')


def _dataset(args: argparse.Namespace) -> int:
    from salseg.apis.converting import releases
    from salseg.apis.testing import predict_dataset

    unused = [
        word
        for word, given in (
            (' '.join(args.inputs), args.inputs), ('--save', args.save), ('--watch', args.watch), ('--shard', args.shard),
            ('--max-frames', args.max_frames), ('--random-weights', args.random_weights), ('--device', args.device),
            ('--amp', args.amp),
        )
        if given
    ]  # fmt: skip
    if unused:
        raise DataError(
            f'{unused[0]} with --dataset: expected salseg predict MODEL --dataset CONFIG --out DIR. It predicts what '
            '`salseg test` predicts, on the device that a test uses; several processes start with --launcher.'
        )
    with owning(args.out, shared=args.launcher != 'none'):
        saved = predict_dataset(
            args.model, args.dataset, args.out, args.checkpoint, args.cfg_options, args.launcher, releases(),
            args.overwrite, args.batch_size,
        )  # fmt: skip
    for name, folder in saved.folders.items():
        say(f'{name}: {folder}')
    return 0


def _shard(args: argparse.Namespace) -> tuple[int, int]:
    from salseg.evaluation.shards import launched_shard, parse_shard

    if args.shard:
        return parse_shard(args.shard)
    started = args.launcher == 'none' and {'RANK', 'WORLD_SIZE'} <= os.environ.keys()
    return launched_shard('pytorch' if started else args.launcher)


def _own_device(shard: tuple[int, int]) -> str | None:
    """Processes that were launched together take a GPU each."""
    import torch

    local = os.environ.get('LOCAL_RANK')
    if shard[1] == 1 or local is None or not torch.cuda.is_available():
        return None
    return f'cuda:{int(local) % torch.cuda.device_count()}'


def _kinds(args: argparse.Namespace, default: str) -> tuple[str, ...]:
    return tuple((args.save or default).split(','))


def _bar(shard: tuple[int, int], what: str, unit: str) -> Any:
    return progress_bar(what, unit) if shard[0] == 0 else no_progress()


def _images(model: 'BaseSegmentor', args: argparse.Namespace, inputs: list[str], shard: tuple[int, int]) -> int:
    from salseg.apis.clips import ClipPredictor
    from salseg.apis.image_files import FilesReport, predict_files, watch_files
    from salseg.apis.inputs import split_videos
    from salseg.apis.predicting import SaliencyPredictor

    words, videos = split_videos(inputs)
    if words and videos:
        raise DataError(f'{words[0]} stands for images and {videos[0]} is a video: run twice, with two --out.')
    if videos:
        return _videos(ClipPredictor(model, length=1, random_weights=args.random_weights), args, videos, shard)
    predictor = SaliencyPredictor(model, args.random_weights)
    kinds = _kinds(args, 'mask')
    if args.watch:
        if shard[1] > 1:
            raise DataError('--watch with --shard: one process can watch a folder.')
        say(f'watching {", ".join(words)}; Ctrl-C ends')
        try:
            watch_files(predictor, words, args.out, kinds, args.batch_size, args.overwrite, seen=_tell)
        except KeyboardInterrupt:
            say(f'ended; the results below {args.out} are complete')
        return 0
    with _bar(shard, 'predicting', 'images') as update:
        report: FilesReport = predict_files(
            predictor, words, args.out, kinds, args.batch_size, update, args.overwrite, shard
        )
    kept = f'; {report.kept} images were there already' if report.kept else ''
    say(f'{report.files} files written below {args.out}{kept}')
    if report.page:
        say(f'all on one page: {report.page}')
    return _left_out(report.failed.values()) | _unread(report.unread)


def _tell(report: Any) -> None:
    say(f'{report.images} more')
    _left_out(report.failed.values())


def _left_out(reasons: Any, name: str = '') -> int:
    found = list(reasons)
    for reason in found:
        say(f'{name}left out: {reason}')
    return 1 if found else 0


def _unread(files: list[Path]) -> int:
    """Count and name what was not read; status 1 if there are images among it, which their user will miss."""
    from salseg.io.formats import left_out_words, lost_images

    if files:
        say(left_out_words(files))
    return 1 if lost_images(files) else 0


def _groups(model: 'BaseSegmentor', args: argparse.Namespace, inputs: list[str], shard: tuple[int, int]) -> int:
    from salseg.apis.group_files import predict_groups
    from salseg.apis.groups import GroupPredictor
    from salseg.apis.inputs import unread_files

    _no_watching(args, 'groups')
    predictor = GroupPredictor(model, args.random_weights)
    with _bar(shard, 'predicting', 'groups') as update:
        results = predict_groups(
            predictor, inputs, args.out, _kinds(args, 'mask'), progress=update, overwrite=args.overwrite, shard=shard
        )
    status = 0
    for result in results:
        for note in result.notes:
            say(f'{result.name}: {note}')
        status |= _left_out(result.failed.values(), f'{result.name}: ')
    kept = sum(result.kept for result in results)
    files = sum(len(result.written) for result in results)
    say(
        f'{files} files of {len(results)} groups written below {args.out}'
        + (f'; {kept} groups were there already' if kept else '')
    )
    return status | _unread(unread_files(inputs, Path(args.out)))


def _clips(model: 'BaseSegmentor', args: argparse.Namespace, inputs: list[str], shard: tuple[int, int]) -> int:
    from salseg.apis.clips import ClipPredictor

    return _videos(ClipPredictor(model, random_weights=args.random_weights), args, inputs, shard)


def _videos(predictor: Any, args: argparse.Namespace, inputs: list[str], shard: tuple[int, int]) -> int:
    from salseg.apis.clip_files import predict_video
    from salseg.apis.inputs import find_clips, unread_files

    _no_watching(args, 'videos')
    status = 0
    found = find_clips(inputs)
    for name, source in found[shard[0] :: shard[1]]:
        out = Path(args.out) if len(found) == 1 else Path(args.out) / name
        with _bar(shard, name, 'frames') as update:
            frames = predict_video(
                predictor,
                source,
                out,
                _kinds(args, 'mask,video'),
                update,
                args.overwrite,
                args.max_frames,
                args.allow_gaps,
            )
        say(f'{frames} frames of {name}: {out}')
        if source.damage:
            say(source.damage)
            status = 1
    return status | _unread(unread_files(inputs, Path(args.out), videos=True))


def _no_watching(args: argparse.Namespace, what: str) -> None:
    if args.watch:
        raise DataError(f'--watch is for folders of single images; this model takes {what}.')
