"""Say before training what a data set, or all that a config reads, lacks; status 1 if something does, 2 if unusable."""

import argparse
from typing import TYPE_CHECKING

from salseg.cli.common import add_options, plain_bar, say

if TYPE_CHECKING:
    from salseg.datasets.checking import Options

KINDS = ('sod', 'scribble', 'cosod', 'vsod', 'vos')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg check-data``."""
    parser.add_argument('folder', nargs='?', metavar='FOLDER', help='data set, in any layout of the field')
    parser.add_argument(
        '--config', metavar='CONFIG', help='check instead all sets that a model (name, config, folder of a run) reads'
    )
    add_options(parser)
    parser.add_argument('--kind', choices=KINDS, help='what it is; found out by default')
    parser.add_argument('--images', metavar='DIR', help='images, where the name is unusual; {video} for a video')
    parser.add_argument('--labels', metavar='DIR', help='annotations, likewise')
    parser.add_argument('--list', metavar='FILE', help='stems, groups or videos to check, one per line')
    parser.add_argument('--against', metavar='OTHER', help='folder or list that must share no image with this one')
    parser.add_argument(
        '--near',
        type=int,
        nargs='?',
        const=12,
        metavar='BITS',
        help='also images that look the same (12 bits of 256)',
    )
    parser.add_argument('--set', metavar='NAME', help='compare the counts with this published set, see --list-sets')
    parser.add_argument('--allow', nargs='+', default=[], metavar='FINDING', help='findings that are meant to be so')
    parser.add_argument('--strict', action='store_true', help='warnings make the check fail too')
    parser.add_argument('--write-list', metavar='FILE', help='write the names without errors to a new file')
    parser.add_argument('--json', metavar='FILE', help='write all that was found')
    parser.add_argument('--show', type=int, default=10, metavar='N', help='places shown of each finding (10)')
    parser.add_argument('--threads', type=int, metavar='N', help='reading threads (default: one per core)')
    parser.add_argument('--list-sets', action='store_true', help='show the published sets and their counts')
    parser.add_argument('--list-findings', action='store_true', help='show all findings and what to do about them')


def run(args: argparse.Namespace) -> int:
    """Check."""
    if args.list_sets or args.list_findings:
        return _show_tables(args.list_sets)
    if args.config is not None:
        return _check_config(args)
    from salseg.datasets.checking import check_folder, report_text, report_values, write_clean_list
    from salseg.errors import DataError

    if args.folder is None:
        raise DataError('name what to check: salseg check-data FOLDER, or salseg check-data --config CONFIG.')
    if args.cfg_options:
        raise DataError('--cfg-options override a config: add --config CONFIG.')
    with plain_bar('checking', stderr=True) as show:
        report = check_folder(args.folder, _options(args), show)
    say(report_text(report, args.show))
    if args.json:
        import json

        from salseg.io.files import write_text

        write_text(args.json, json.dumps(report_values(report), indent=1) + '\n')
    if args.write_list:
        path = write_clean_list(report, args.write_list)
        say(f'{len(report.clean)} names written to {path}')
    return 1 if report.findings.failed else 0


def _check_config(args: argparse.Namespace) -> int:
    from salseg.apis.converting import releases
    from salseg.datasets.checking import check_sets, sets_text
    from salseg.engine.config import load_config
    from salseg.errors import DataError

    if args.folder is not None:
        raise DataError(f'check either the folder {args.folder} or what --config {args.config} reads.')
    states = check_sets(load_config(args.config, args.cfg_options), releases=releases())
    say(sets_text(states, args.config))
    return 1 if any(state.problem for state in states) else 0


def _options(args: argparse.Namespace) -> 'Options':
    import os
    from pathlib import Path

    from salseg.datasets.checking import Options
    from salseg.errors import DataError

    if args.threads is not None and args.threads < 1:
        raise DataError(f'--threads {args.threads}; expected 1 or more.')
    for name, value in (('--list', args.list), ('--against', args.against)):
        if value is not None and not Path(value).exists():
            raise DataError(f'{name} {value} does not exist.')
    return Options(
        kind=args.kind,
        images=args.images,
        labels=args.labels,
        list_file=None if args.list is None else Path(args.list),
        against=None if args.against is None else Path(args.against),
        published=args.set,
        near=args.near,
        allow=frozenset(args.allow),
        strict=args.strict,
        threads=args.threads or os.cpu_count() or 1,
    )


def _show_tables(sets: bool) -> int:
    from salseg.datasets.checking import KINDS, SETS

    if not sets:
        for name, kind in KINDS.items():
            say(f'{name:20} {kind.level:8} {kind.title}\n{"":29} -> {kind.advice}')
        return 0
    for published in SETS:
        versions = '; '.join(
            (f'{version}: ' if version else '') + ', '.join(f'{number:,} {key}' for key, number in counts.items())
            for version, counts in published.versions.items()
        )
        say(f'{published.name:16} {versions}')
    return 0
