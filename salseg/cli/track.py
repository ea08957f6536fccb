"""Follow objects through a video from masks or boxes; writes label PNGs and an overlay video as it goes."""

import argparse

from salseg.cli.common import add_model, add_options, add_weights, progress_bar, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg track``."""
    add_model(parser)
    parser.add_argument('source', metavar='VIDEO_OR_FOLDER', help='video file, folder of frames, or camera index')
    parser.add_argument(
        '--mask', metavar='FILE', help='label PNG of the first frame, or a folder of them named like the frames'
    )
    parser.add_argument(
        '--box', action='append', default=[], metavar='[FRAME@]ID:X0,Y0,X1,Y1', help='a box; may be repeated'
    )
    parser.add_argument(
        '--encoding', choices=('index', 'binary'), default='index', help='of the masks (default: index)'
    )
    parser.add_argument('--box-prompt', choices=('fill', 'refine'), default='fill', help='how a box becomes a mask')
    parser.add_argument(
        '--overlap', choices=('smaller', 'later'), default='smaller', help='who gets pixels of several boxes'
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder for the results')
    parser.add_argument('--max-frames', type=int, metavar='N', help='stop after so many frames')
    parser.add_argument('--no-overlay', action='store_true', help='write no video')
    parser.add_argument('--overwrite', action='store_true', help='replace results of another call')
    parser.add_argument('--allow-gaps', action='store_true', help='numbers of a folder of frames may have gaps')
    add_weights(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Track."""
    from salseg.apis.inputs import unread_files
    from salseg.apis.models import init_model
    from salseg.apis.prompts import read_prompts
    from salseg.apis.tracking import track
    from salseg.engine.runner import device_line
    from salseg.io.formats import left_out_words
    from salseg.io.videos import FrameSource
    from salseg.propagation import Propagator

    model = init_model(args.model, args.checkpoint, args.device, args.cfg_options, trained=not args.random_weights)
    propagator = Propagator(model, args.random_weights, args.box_prompt)
    source = FrameSource(args.source)
    prompts = read_prompts(source, args.mask, args.box, args.encoding, args.overlap, note=say)
    say(device_line())
    with progress_bar('tracking', 'frames') as update:
        report = track(
            propagator,
            source,
            prompts,
            args.out,
            overlay=not args.no_overlay,
            max_frames=args.max_frames,
            overwrite=args.overwrite,
            progress=update,
            allow_gaps=args.allow_gaps,
        )
    begun = f' (resumed: went on at frame {report.resumed_at})' if report.resumed_at else ''
    say(f'{report.frames} frames{begun}, objects {", ".join(map(str, report.object_ids)) or "none"}: {report.masks}')
    if report.overlay:
        say(f'overlay: {report.overlay}')
    unread = left_out_words(unread_files([args.source]))
    if unread:
        say(unread)
    if report.damage:
        say(report.damage)
        return 1
    return 0
