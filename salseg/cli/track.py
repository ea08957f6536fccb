"""Follow objects through videos from masks, boxes, points or scribbles; writes label PNGs and an overlay video as it goes.

VIDEO is a video file, a folder of frames or a camera index; or several videos: a folder of videos, a folder of folders of
frames, or a list file (.txt) with a path in each line. A command that was stopped is resumed when it is repeated.
"""

import argparse
from typing import TYPE_CHECKING, Any

from salseg.cli.common import add_model, add_options, add_weights, progress_bar, say
from salseg.errors import DataError

if TYPE_CHECKING:
    from salseg.apis.tracking import TrackReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg track``."""
    add_model(parser)
    parser.add_argument('source', metavar='VIDEO', help='video file, folder of frames, camera index, or several videos')
    given = parser.add_argument_group('what to follow')
    given.add_argument(
        '--mask', metavar='FILE', help='label PNG of the first frame, or a folder of them named like the frames'
    )
    given.add_argument(
        '--box', action='append', default=[], metavar='[FRAME@]ID:X0,Y0,X1,Y1', help='a box; may be repeated'
    )
    given.add_argument(
        '--points',
        action='append',
        default=[],
        metavar='"[FRAME@]ID:X,Y,+ X,Y,-"',
        help='points on an object (+) and beside it (-); may be repeated',
    )
    given.add_argument('--scribble', metavar='FILE', help='PNG with scribbles of the first frame, or a folder of them')
    given.add_argument(
        '--prompts', metavar='PATH', help='of several videos: folder with NAME/, NAME.png or NAME.json, or a JSON file'
    )
    given.add_argument(
        '--find',
        nargs='?',
        const='salseg-demo',
        metavar='SALIENCY_MODEL',
        help='find the objects with a saliency model of images (salseg-demo); implies --backward',
    )
    given.add_argument(
        '--find-every', type=int, metavar='N', help='with --find: look for objects in every N-th frame (5)'
    )
    given.add_argument('--encoding', choices=('index', 'binary'), default='index', help='of the masks (default: index)')
    given.add_argument(
        '--scribble-encoding',
        choices=('scribble', 'index'),
        default='scribble',
        help='0 not said, 1 object, 2 background (default), or ids and 255 background',
    )
    given.add_argument('--box-prompt', choices=('fill', 'refine'), default='fill', help='how a box becomes a mask')
    given.add_argument(
        '--overlap', choices=('smaller', 'later'), default='smaller', help='who gets pixels of several boxes'
    )
    how = parser.add_argument_group('how to follow it')
    how.add_argument('--backward', action='store_true', help='answer frames before the prompts too')
    how.add_argument(
        '--permanent', type=int, nargs='+', default=[], metavar='FRAME', help='frames that stay in the memory for good'
    )
    how.add_argument('--every', type=int, default=1, metavar='N', help='track every N-th frame only')
    how.add_argument(
        '--scales', type=_scales, default=(1.0,), metavar='S,S,...', help='average runs at factors of the size'
    )
    how.add_argument('--flip', action='store_true', help='average with runs on mirrored frames')
    how.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on a CPU')
    how.add_argument('--max-frames', type=int, metavar='N', help='stop after so many frames')
    how.add_argument('--allow-gaps', action='store_true', help='numbers of a folder of frames may have gaps')
    results = parser.add_argument_group('results')
    results.add_argument('--out', required=True, metavar='DIR', help='folder for the results')
    results.add_argument('--no-overlay', action='store_true', help='write no overlay.mp4')
    results.add_argument('--rle', action='store_true', help='write rle.json, all masks as a COCO file')
    results.add_argument('--alpha', action='store_true', help='write matte/ and alpha.mov (ProRes 4444) for cutting')
    results.add_argument(
        '--lost-below', type=float, metavar='P', help='mean probability below which an object is lost (0.6)'
    )
    results.add_argument(
        '--correct', action='store_true', help='prompts changed: keep what lies before the first change, redo the rest'
    )
    results.add_argument('--keep-states', action='store_true', help='keep states, so that corrections begin near by')
    results.add_argument('--overwrite', action='store_true', help='replace results of another call')
    add_weights(parser)
    add_options(parser)


def _scales(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split(','))


def run(args: argparse.Namespace) -> int:
    """Track; status 1 if a video could not be tracked, or not to its end."""
    from salseg.apis.inputs import find_videos
    from salseg.apis.models import init_model
    from salseg.apis.tracking import LOST_BELOW
    from salseg.engine.runner import device_line
    from salseg.propagation import build_propagator

    if args.max_frames is not None and args.max_frames < 1:
        raise DataError(f'--max-frames {args.max_frames}; expected 1 or more.')
    videos = find_videos(args.source)
    alone = [f'--{name}' for name in ('mask', 'box', 'points', 'scribble') if getattr(args, name)]
    if args.find and (alone or args.prompts):
        raise DataError(
            f'--find gives the prompts: leave out {", ".join([*alone, *(["--prompts"] if args.prompts else [])])}.'
        )
    if args.find_every is not None and not args.find:
        raise DataError('--find-every says how often --find looks for objects: give --find too, or leave it out.')
    if alone and (videos or args.prompts):
        raise DataError(f'{", ".join(alone)}: prompts of several videos are given by --prompts PATH alone.')
    if videos and not args.prompts and not args.find:
        raise DataError(
            f'{args.source} holds {len(videos)} videos; say where their prompts are: --prompts PATH, or --find objects.'
        )
    model = init_model(
        args.model, args.checkpoint, args.device, args.cfg_options, trained=not args.random_weights, amp=args.amp
    )
    propagator = build_propagator(model, args.random_weights, args.box_prompt, args.scales, args.flip)
    options = dict(
        overlay=not args.no_overlay,
        max_frames=args.max_frames,
        overwrite=args.overwrite,
        allow_gaps=args.allow_gaps,
        backward=args.backward or bool(args.find),
        permanent=args.permanent,
        every=args.every,
        correct=args.correct,
        keep_states=args.keep_states,
        rle=args.rle,
        alpha=args.alpha,
        lost_below=LOST_BELOW if args.lost_below is None else args.lost_below,
    )
    args.finder = None
    if args.find:
        from salseg.apis.finding import ObjectFinder
        from salseg.apis.looks import FindRules

        rules = FindRules() if args.find_every is None else FindRules(every=args.find_every)
        args.finder = ObjectFinder(propagator, args.find, rules)
        options['found'] = args.finder.facts()
    if videos:
        say(device_line())
        return _several(args, propagator, videos, options)
    return _one(args, propagator, options)


def _one(args: argparse.Namespace, propagator: Any, options: dict[str, Any]) -> int:
    from pathlib import Path

    from salseg.apis.inputs import unread_files
    from salseg.apis.many_videos import prompts_at
    from salseg.apis.prompts import read_prompts
    from salseg.apis.tracking import track
    from salseg.engine.runner import device_line
    from salseg.io.formats import left_out_words
    from salseg.io.videos import FrameSource

    source = FrameSource(args.source)
    if args.finder:
        prompts = _found(args, source, args.out)
    elif args.prompts:
        path = Path(args.source)
        prompts = prompts_at(args.prompts, path.name if path.is_dir() else path.stem, source, say)
    else:
        given = (args.mask, args.box, args.encoding, args.overlap, say)
        prompts = read_prompts(source, *given, args.points, args.scribble, args.scribble_encoding)
    say(device_line())
    with progress_bar('tracking', 'frames') as update:
        report = track(propagator, source, prompts, args.out, progress=update, **options)
    _tell(report)
    unread = left_out_words(unread_files([args.source]))
    if unread:
        say(unread)
    return 1 if report.damage else 0


def _several(args: argparse.Namespace, propagator: Any, videos: dict[str, Any], options: dict[str, Any]) -> int:
    from salseg.apis.many_videos import track_videos

    def find(name: str, source: Any) -> Any:
        return _found(args, source, f'{args.out}/{name}')

    prompts = find if args.finder else args.prompts
    status = 0
    failures: dict[str, str] = {}
    for name, path in videos.items():
        with progress_bar(name, 'frames') as update:
            report = track_videos(
                propagator, {name: path}, prompts, args.out, note=say, progress=lambda _: update, **options
            )
        failures |= report.failures
        for found in report.reports.values():
            _tell(found)
            status = 1 if found.damage else status
    say(f'{len(videos) - len(failures)} of {len(videos)} videos tracked: {args.out}')
    for name, why in failures.items():
        say(f'{name}: {why}')
    return 1 if failures else status


def _found(args: argparse.Namespace, source: Any, out: str) -> Any:
    """Prompts of the objects that are found in a video, written where its results go."""
    from salseg.apis.finding import find_objects

    with progress_bar('finding', 'frames') as update:
        prompts = find_objects(args.finder, source, out, args.max_frames, args.overwrite, update)
    count = len({index for prompt in prompts.values() for index in prompt.ids})
    say(f'found: {count} object{"s" * (count > 1)}, first masks in {out}/found')
    return prompts


def _tell(report: 'TrackReport') -> None:
    begun = f' (resumed: went on at frame {report.resumed_at})' if report.resumed_at else ''
    say(f'{report.frames} frames{begun}, objects {", ".join(map(str, report.object_ids)) or "none"}: {report.masks}')
    for found in report.objects:
        count = sum(last - first + 1 for first, last in found.lost)
        if count:
            spans = ', '.join(f'{a}' if a == b else f'{a} to {b}' for a, b in found.lost[:5])
            say(f'object {found.index} lost in frames {spans}{", ..." if len(found.lost) > 5 else ""}')
    for path in (report.overlay, report.rle, report.alpha):
        if path:
            say(f'written: {path}')
    if report.damage:
        say(report.damage)
