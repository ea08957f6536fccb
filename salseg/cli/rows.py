"""Print the rows of a project's tables: configs, what distinguishes them, the paper's numbers, and those of runs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from salseg.cli.common import say

if TYPE_CHECKING:
    from salseg.apis.row_results import TestedRun
    from salseg.apis.rows import Register, Row, TestSet

PAPER = 'paper'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg rows``."""
    parser.add_argument('project', metavar='PROJECT', help='folder in projects/, e.g. scwssod')
    parser.add_argument('--table', metavar='NAME', help='this table only, e.g. 4.3')
    parser.add_argument('--page', action='store_true', help="which printed column is which of the paper's: Markdown")
    parser.add_argument('--latex', action='store_true', help='tables for LaTeX (booktabs)')
    parser.add_argument(
        '--runs', metavar='DIR', help="beside the paper's numbers, those that salseg test left below it"
    )


def run(args: argparse.Namespace) -> int:
    """Print the register."""
    from salseg.apis.rows import read_rows
    from salseg.errors import UnknownName

    register = read_rows(args.project)
    if args.page:
        from salseg.apis.row_pages import page
        from salseg.catalog import model_cards

        say(page(register, {Path(card['Config']).stem: name for name, card in model_cards().items()}))
        return 0
    runs = None
    if args.runs:
        from salseg.apis.row_results import find_tests

        runs = find_tests(args.runs)
    tables = list(register.notes)
    if args.table and args.table not in tables:
        raise UnknownName(
            f'--table {args.table}: {args.project} has no such table; expected one of {", ".join(tables)}.'
        )
    for table in [args.table] if args.table else tables:
        rows = [row for row in register.rows if row.table == table]
        say((_latex if args.latex else _text)(register, table, rows, runs))
    if register.others and not args.table and not args.latex:
        say('configs that are no row:')
        for name, reason in register.others.items():
            say(f'  {name}: {reason}')
    return 0


def _text(register: 'Register', table: str, rows: 'list[Row]', runs: 'list[TestedRun] | None') -> str:
    from terminaltables import AsciiTable

    heading, cells, sources = _cells(register, rows, runs)
    shown = AsciiTable([heading, *cells], f' table {table}: {rows[0].title} ')
    lines = [shown.table]
    if rows[0].sets:
        lines.append('protocols: ' + '; '.join(_protocol(one) for one in rows[0].sets))
    lines += [f'{row.name}: {text}' for row in rows for text in _details(row)]
    lines += [register.notes[table]] if register.notes[table] else []
    if register.rivals[table]:
        from salseg.apis.rows import RIVAL

        lines.append(f'cannot, {RIVAL}: {", ".join(register.rivals[table])}')
    return '\n'.join([*lines, *sources, ''])


def _protocol(one: 'TestSet') -> str:
    by = f' ({one.how})' if one.how else ''
    return f'{one.name} {one.protocol}{by}' + (f', cannot: {one.cannot}' if one.cannot else '')


def _details(row: 'Row') -> list[str]:
    texts = [f'options {" ".join(row.options)}'] if row.options else []
    if row.generator:
        texts.append(f'pseudo-labels of {" ".join([row.generator, *row.generator_options])}')
    texts += [f'{entry.where} = {entry.value} ({entry.source})' for entry in row.distinct]
    texts += [text for text in (row.note,) if text]
    return texts


def _cells(
    register: 'Register', rows: 'list[Row]', runs: 'list[TestedRun] | None'
) -> tuple[list[str], list[list[str]], list[str]]:
    """Heading, a line per row, set and origin of the numbers, and where those of runs were found."""
    labels = {column: label for one in rows[0].sets for column, label in zip(one.columns, one.labels)}
    columns = list(labels)
    heading = [
        'row',
        'config',
        'trained on',
        'prompt',
        'set',
        'from',
        *(c if labels[c] == c else f'{labels[c]} = {c}' for c in columns),
    ]
    cells: list[list[str]] = []
    sources: list[str] = []
    for row in rows:
        first = [row.name, _what(row), ', '.join(row.training), row.prompt]
        named = [one for one in row.sets if one.name in row.published]
        if not named:
            cells.append([*first, '', '', *[''] * len(columns)])
        for one in named:
            printed = dict(zip(one.columns, row.published[one.name]))
            cells.append([*first, one.name, PAPER, *(_number(printed.get(c)) for c in columns)])
            first = [''] * len(first)
            for origin, metrics in _of_runs(register, row, one, runs, sources):
                values = dict(zip(one.columns, metrics))
                cells.append([*first, one.name, origin, *(_number(values.get(c)) for c in columns)])
    return heading, cells, sources


def _what(row: 'Row') -> str:
    if row.config:
        return row.config + (' + options' if row.options else '')
    return f'as {row.same_as}' if row.same_as else row.command or f'cannot: {row.cannot}'


def _number(value: float | None) -> str:
    return '' if value is None else f'{value:.4g}'


def _of_runs(
    register: 'Register', row: 'Row', one: 'TestSet', runs: 'list[TestedRun] | None', sources: list[str]
) -> 'list[tuple[str, tuple[float | None, ...]]]':
    if runs is None or not (row.config or row.same_as):
        return []
    from salseg.apis.row_results import results_of

    lines = []
    for found in results_of(register, row, one, runs):
        mark = f'run {len(sources) + 1}' + ('*' if found.changed else '')
        changed = f' (* not the recipe of the row: {found.changed} differs)' if found.changed else ''
        sources.append(f'{mark}: {found.path}{changed}')
        lines.append((mark, found.metrics))
    return lines


def _latex(register: 'Register', table: str, rows: 'list[Row]', runs: 'list[TestedRun] | None') -> str:
    from salseg.evaluation.output.table import latex

    heading, cells, sources = _cells(register, rows, runs)
    lines = [
        r'% \usepackage{booktabs}', r'\begin{table}', r'\centering',
        rf'\begin{{tabular}}{{{"l" * 6}{"c" * (len(heading) - 6)}}}', r'\toprule',
        ' & '.join(map(latex, heading)) + r' \\', r'\midrule',
    ]  # fmt: skip
    lines += [' & '.join(map(latex, line)) + r' \\' for line in cells]
    caption = latex('. '.join([f'{register.project}, table {table}: {rows[0].title}', *sources]) + '.')
    return '\n'.join([*lines, r'\bottomrule', r'\end{tabular}', rf'\caption{{{caption}}}', r'\end{table}', ''])
