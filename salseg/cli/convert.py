"""Convert a data set as it was released, or labels of your own, into what salseg reads; status 1 if something is left out."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salseg.cli.common import plain_bar, say

if TYPE_CHECKING:
    from salseg.apis.converting import Converter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg convert``; those behind NAME are the converter's own, see `parse`."""
    parser.usage = 'salseg convert NAME SOURCE [--root DIR | --out PATH] [--copy | --link | --hardlink] [option ...]'
    parser.epilog = 'The options of a converter: salseg convert NAME --help'
    parser.add_argument('--list', action='store_true', help='show what can be converted')
    parser.add_argument('name', nargs='?', metavar='NAME', help='data set or kind of labels, see --list')
    parser.add_argument('rest', nargs=argparse.REMAINDER, metavar='SOURCE ...', help='what to convert, and options')


def run(args: argparse.Namespace) -> int:
    """Convert."""
    from salseg.apis.converting import find_converter
    from salseg.errors import DataError

    if args.list:
        return _show_list()
    if args.name is None:
        raise DataError('name what to convert: salseg convert NAME SOURCE. The names: salseg convert --list')
    converter = find_converter(args.name)
    own = parse(converter, args.rest)
    args.debug = args.debug or own.debug
    # Options that were not given have the default of the function, which stands there alone.
    options = {option.name: getattr(own, option.name) for option in converter.options}
    options = {name: value for name, value in options.items() if value is not None}
    out = own.out or converter.out(own.root)
    with plain_bar('converting', stderr=True) as show:
        summary = converter.convert(own.source, out, own.how, show, **options)
    say(summary.text(converter.published))
    return 1 if summary.left else 0


def parse(converter: 'Converter', arguments: Sequence[str]) -> argparse.Namespace:
    """What stands behind NAME: SOURCE, where to write, and the converter's own options."""
    parser = argparse.ArgumentParser(
        prog=f'salseg convert {converter.name}',
        description=f'{converter.task}: writes {converter.writes}.'.replace('%', '%%'),
        epilog=_facts(converter),
    )
    parser.add_argument('source', type=Path, metavar='SOURCE', help=f'{converter.source}; it is never changed')
    where = parser.add_mutually_exclusive_group()
    place = converter.out(Path('DIR'))
    where.add_argument('--root', type=Path, default=Path('data'), metavar='DIR', help=f'writes {place} (data)')
    where.add_argument('--out', type=Path, metavar='PATH', help='write exactly there instead')
    parser.add_argument('--debug', action='store_true', help='show the traceback of errors')
    _add_how(parser, converter.how)
    for option in converter.options:
        _add_option(parser, option)
    return parser.parse_args(arguments)


def _add_how(parser: argparse.ArgumentParser, default: str) -> None:
    parser.set_defaults(how=None)
    if not default:
        return
    group = parser.add_mutually_exclusive_group()
    for flag, how, what in (
        ('--copy', 'copy', 'copy files that stay as they are'),
        ('--link', 'symlink', 'link them: the source must stay where it is'),
        ('--hardlink', 'hardlink', 'link them on the same disk'),
    ):
        what += ' (default)' if how == default else ''
        group.add_argument(flag, action='store_const', const=how, dest='how', help=what)


def _add_option(parser: argparse.ArgumentParser, option: Any) -> None:
    flag = f'--{(option.flag or option.name).replace("_", "-")}'
    text = option.help.replace('%', '%%')
    if option.type is bool:
        parser.add_argument(flag, action='store_true', default=None, dest=option.name, help=text)
        return
    parser.add_argument(
        flag,
        type=option.type,
        choices=option.choices,
        nargs='+' if option.many else None,
        metavar=option.metavar,
        dest=option.name,
        help=text,
    )


def _facts(converter: 'Converter') -> str:
    """Counts, page and licence of a release, as far as they are known."""
    counts = [f'{" or ".join(f"{n:,}" for n in numbers)} {kind}' for kind, numbers in converter.published.items()]
    facts = {
        'published': '; '.join(counts),
        'page': converter.page,
        'paper': converter.title,
        'licence': converter.licence,
    }
    return ' | '.join(f'{name}: {fact}' for name, fact in facts.items() if fact).replace('%', '%%')


def _show_list() -> int:
    from textwrap import fill

    from terminaltables import AsciiTable

    from salseg.apis.converting import CONVERTERS

    rows = [['NAME', 'task', 'SOURCE', 'writes, below data/']]
    for converter in CONVERTERS.values():
        writes = f'{converter.out(Path())}: {converter.writes}'
        rows.append([converter.name, converter.task, fill(converter.source, 36), fill(writes, 43)])
    table = AsciiTable(rows)
    table.inner_row_border = True
    say(table.table)
    return 0
