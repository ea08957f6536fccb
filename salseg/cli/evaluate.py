"""Score folders of predictions against a folder of ground truths; no config is needed."""

import argparse
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from salseg.cli.common import add_launcher, add_protocols, names_of, no_progress, plain_bar, say
from salseg.errors import DataError
from salseg.io.files import owning

if TYPE_CHECKING:
    from salseg.evaluation.evaluate import Settings
    from salseg.evaluation.protocols import Protocol


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg evaluate``."""
    parser.usage = 'salseg evaluate PRED [PRED ...] GT --protocol NAME [--out DIR] [options]'
    parser.add_argument(
        'folders',
        nargs='*',
        metavar='FOLDER',
        help='predictions, FOLDER or NAME=FOLDER, one per method; the ground truth last; files pair by path',
    )
    add_protocols(parser, "the protocol's own")
    parser.add_argument('--list-protocols', action='store_true', help='show all protocols')
    parser.add_argument('--out', metavar='DIR', help='tables, CSV, JSON, LaTeX, curves, page, records')
    parser.add_argument('--plots', metavar='DIR', help='masks: J over time, a PNG per video with a line per object')
    parser.add_argument('--images', metavar='DIR', help='images behind the overlays, paired like predictions')
    parser.add_argument('--worst', type=int, default=12, metavar='N', help='worst cases of a method on the page (12)')
    parser.add_argument('--list', metavar='FILE', help='stems, groups or videos to use, one per line')
    parser.add_argument('--allow-missing', action='store_true', help='missing predictions count as empty')
    parser.add_argument('--allow-extra', action='store_true', help='leave out predictions without ground truth')
    parser.add_argument('--resize', action='store_true', help='resize maps of another size to the ground truth')
    parser.add_argument('--metrics', metavar='NAMES', help='maps: some of mae,s,weighted_f,f,e,iou,roc')
    parser.add_argument('--no-normalize', action='store_true', help='maps: do not stretch each')
    parser.add_argument('--meta', metavar='FILE', help='ytvos: meta.json (default: in GT or beside it)')
    parser.add_argument('--seen', metavar='FILE', help='ytvos: meta.json of the training set, or a list of categories')
    parser.add_argument('--processes', type=int, metavar='N', help='scoring processes (default: one per core)')
    parser.add_argument('--shard', metavar='K/N', help='score one shard; a run without it gathers all')
    add_launcher(parser)


def run(args: argparse.Namespace) -> int:
    """Evaluate."""
    if args.list_protocols:
        return _list_protocols()
    if len(args.folders) < 2 or not args.protocol:
        raise DataError(
            f'got {len(args.folders)} folders and --protocol {args.protocol}; expected salseg evaluate PRED [PRED ...] '
            'GT --protocol NAME. --list-protocols shows the names.'
        )
    from salseg.evaluation.folders import name_methods

    *folders, truth = args.folders
    predictions, protocols = name_methods(folders), _protocols(args, truth)
    for protocol in protocols:
        # Tables of several protocols lie side by side.
        below = f'/{protocol.name}' if len(protocols) > 1 else ''
        _evaluate(args, predictions, truth, protocol, *(folder and folder + below for folder in (args.out, args.plots)))
    return 0


def _evaluate(
    args: argparse.Namespace,
    predictions: Mapping[str, Path],
    truth: str,
    protocol: 'Protocol',
    out: str | None,
    plots: str | None,
) -> None:
    from salseg.evaluation.evaluate import evaluate_folders
    from salseg.evaluation.output import terminal_table

    settings = _settings(args, out)
    owned = owning(out, shared=settings.shard[1] > 1) if out else nullcontext()
    with owned, plain_bar('scoring') if settings.shard[0] == 0 else no_progress() as show:
        if out:
            from salseg.visualization.report import evaluate_and_report

            result = evaluate_and_report(
                predictions, truth, protocol, out, settings, args.images, args.worst, show, plots
            )
        elif plots:
            from salseg.visualization.report import evaluate_and_plot

            result = evaluate_and_plot(predictions, truth, protocol, plots, settings, show)
        else:
            result = evaluate_folders(predictions, truth, protocol, settings, progress=show)
    if result is None:
        return
    say(terminal_table(result))
    if out:
        say(f'{out}/index.html shows the worst cases; tables, CSV and JSON lie beside it')
    if plots:
        say(f'J over time: {plots}')


def _list_protocols() -> int:
    from salseg.evaluation.protocols import PROTOCOLS

    for protocol in PROTOCOLS.values():
        say(f'{protocol.name:16} {protocol.title}\n{"":16} {protocol.rule}\n{"":16} source: {protocol.source}')
    return 0


def _protocols(args: argparse.Namespace, truth: str) -> 'list[Protocol]':
    from salseg.evaluation.protocols import choose_columns

    protocols = [_protocol(args, truth, name) for name in names_of(args.protocol)]
    if (args.meta or args.seen) and 'ytvos' not in [protocol.name for protocol in protocols]:
        raise DataError(f'--meta and --seen belong to the protocol ytvos, not to {args.protocol}.')
    return choose_columns(protocols, names_of(args.columns)) if args.columns else protocols


def _protocol(args: argparse.Namespace, truth: str, name: str) -> 'Protocol':
    from salseg.evaluation.protocols import get_protocol

    protocol = get_protocol(name)
    options: dict[str, object] = {}
    if args.metrics:
        options['metrics'] = tuple(args.metrics.split(','))
    if args.no_normalize:
        options['normalize'] = False
    if protocol.name == 'ytvos':
        options.update(_ytvos(args, truth))
    return protocol.with_options(**options)


def _ytvos(args: argparse.Namespace, truth: str) -> dict[str, object]:
    from salseg.evaluation.protocols import load_meta, load_seen

    if not args.seen:
        raise DataError(
            'ytvos averages seen and unseen categories apart: name those of the training set with --seen FILE, its '
            'meta.json or a list. For J and F of all objects alike: --protocol vos.'
        )
    root = Path(truth)
    places = [Path(args.meta)] if args.meta else [root / 'meta.json', root.parent / 'meta.json']
    return dict(meta=load_meta(next((p for p in places if p.is_file()), places[-1])), seen=load_seen(Path(args.seen)))


def _settings(args: argparse.Namespace, out: str | None) -> 'Settings':
    from salseg.evaluation.evaluate import Settings
    from salseg.evaluation.parallel import usable_processes
    from salseg.evaluation.shards import launched_shard, parse_shard
    from salseg.io.lists import read_names

    shard = parse_shard(args.shard) if args.shard else launched_shard(args.launcher)
    if shard[1] > 1 and not out:
        raise DataError('shards meet in the records below --out DIR, a folder that all of them see; give one.')
    if args.processes is not None and args.processes < 1:
        raise DataError(f'--processes {args.processes}; expected 1 or more.')
    return Settings(
        allow_missing=args.allow_missing,
        allow_extra=args.allow_extra,
        resize=args.resize,
        names=read_names(Path(args.list)) if args.list else (),
        # Launched processes shard the machine already.
        processes=args.processes or (usable_processes() if args.launcher == 'none' else 1),
        fork=True,
        records=Path(out) / 'records' if out else None,
        shard=shard,
        merge=not args.shard and shard[0] == 0,
    )
