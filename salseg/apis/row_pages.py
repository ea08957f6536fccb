"""The paper's numbers with the protocols and columns that they compare with: for cards and for the pages of projects."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salseg.apis.rows import COSTS, FILE_NAME, Register, Row, TestSet, read_register

# Around the part of a project's page that `page` writes.
BEGIN, END = '<!-- begin: salseg rows {} --page -->', '<!-- end: salseg rows {} --page -->'


@dataclass(frozen=True)
class PaperResult:
    """What a paper gives for a row on a set.

    Attributes:
        row: Of the table.
        config: Stem of the config that trains its weights.
        tested: The set, its protocol and columns.
        numbers: In the order of the set's columns.
    """

    row: Row
    config: str
    tested: TestSet
    numbers: tuple[float, ...]

    def __str__(self) -> str:
        """One line: table, row, set, protocol, and each number with the column to compare it with."""
        one = self.tested
        texts = []
        for label, column, number in zip(one.labels, one.columns, self.numbers):
            differs = label.lower().replace(' ', '_') != column.lower()
            compare = f' ({"compare with " if differs else ""}column {column})' if one.protocol != COSTS else ''
            texts.append(f'{label} {number:.4g}{compare}')
        where = '' if one.protocol == COSTS else f'{one.name}, protocol {one.protocol}: '
        prompt = f', prompt {self.row.prompt}' if self.row.prompt else ''
        place = one.source or f'table {self.row.table}'
        return f'{place}, {self.row.name} ({self.config}{prompt}): {where}{", ".join(texts)}'


def paper_results(card: Mapping[str, Any]) -> list[PaperResult]:
    """All numbers of the paper's tables for the rows that belong to a model, from the register beside its card.

    Args:
        card: As `salseg.catalog.model_cards` gives it. ``PaperRows`` is what the names of its rows' configs begin with.

    Raises:
        ConfigError: The register cannot be read.
    """
    path = Path(card['Folder']) / FILE_NAME
    if 'PaperRows' not in card or not path.is_file():
        return []
    return [result for result in results(read_register(path)) if result.config.startswith(card['PaperRows'])]


def results(register: Register) -> Iterator[PaperResult]:
    """The paper's numbers of all rows whose network is here, in the paper's order."""
    for row in register.rows:
        config = register.trained(row).config
        for one in row.sets if config else ():
            if one.name in row.published:
                yield PaperResult(row, config, one, row.published[one.name])


def page(register: Register, commands: Mapping[str, str]) -> str:
    """Which printed column is which of the paper's, then the paper's tables: Markdown.

    Args:
        register: Of a project.
        commands: By stem of a config, the model that stands for it in a command.
    """
    tables = [[row for row in register.rows if row.table == table] for table in register.notes]
    lines = [
        BEGIN.format(register.project),
        '| table | sets | command | protocol | column of the paper = printed column |',
        '|---|---|---|---|---|',
        *_columns(register, tables, commands),
        '',
        'A test of several protocols prints a table for each. `--columns all` prints all columns, `--protocol` others.',
        "The paper's own numbers, none of them measured here:",
    ]
    for rows in tables:
        lines += _numbers(register, rows)
    return '\n'.join([*lines, END.format(register.project), ''])


def _columns(register: Register, tables: Sequence[Sequence[Row]], commands: Mapping[str, str]) -> Iterator[str]:
    """A line for the sets of all tables that are tested alike."""
    alike: dict[tuple[str, str, str], tuple[list[str], list[str]]] = {}
    for rows in tables:
        main = next((register.trained(row).config for row in rows if register.trained(row).config), '')
        for one in rows[0].sets if main else ():
            if one.protocol == COSTS or one.cannot:
                continue
            pairs = ', '.join(f'{label} = `{column}`' for label, column in zip(one.labels, one.columns))
            key = (_command(register, one, commands), one.protocol, pairs)
            names, numbers = alike.setdefault(key, ([], []))
            names += [one.name] if one.name not in names else []
            numbers += [rows[0].table] if rows[0].table not in numbers else []
    for (command, protocol, pairs), (names, numbers) in alike.items():
        yield f'| {", ".join(numbers)} | {", ".join(names)} | {command} | `{protocol}` | {pairs} |'


def _command(register: Register, one: TestSet, commands: Mapping[str, str]) -> str:
    if not one.config:
        stems = [row.config for row in register.rows if row.config]
        first = next((stem for stem in stems if stem in commands), stems[0])
        named = commands.get(first, f'projects/{register.project}/configs/{first}.py')
        return f'`salseg test {named} CHECKPOINT`, of another row its config'
    named = commands.get(one.config, f'projects/{register.project}/configs/{one.config}.py')
    return f'`salseg test {named} CHECKPOINT`' + (', options of `rows.yml`' if one.options else '')


def _numbers(register: Register, rows: Sequence[Row]) -> Iterator[str]:
    named = [one for one in rows[0].sets if any(one.name in row.published for row in rows)]
    if not named:
        return
    yield from ('', f'Table {rows[0].table}, {rows[0].title}:', '')
    yield f'| row | config | {" | ".join(_head(one) for one in named)} |'
    yield '|---|---|' + '---|' * len(named)
    for row in rows:
        cells = [row.name, _config(row), *(_cell(row, one, rows) for one in named)]
        yield f'| {" | ".join(cells)} |'
    note = register.notes[rows[0].table]
    if note:
        yield from ('', note[0].upper() + note[1:] + '.')


def _head(one: TestSet) -> str:
    return ('' if one.protocol == COSTS else f'{one.name}: ') + ' / '.join(one.labels)


def _cell(row: Row, one: TestSet, rows: Sequence[Row]) -> str:
    """Numbers of a row with the digits that the table has, since YAML drops a last 0; costs each with its own."""
    given = [other.published[one.name] for other in rows if one.name in other.published]
    columns = [[numbers[position] for numbers in given] for position in range(len(one.columns))]
    if one.protocol != COSTS:
        columns = [[number for column in columns for number in column]] * len(columns)
    digits = [max(len(f'{number:g}'.partition('.')[2]) for number in column) for column in columns]
    return ' / '.join(f'{number:.{n}f}' for number, n in zip(row.published.get(one.name, ()), digits))


def _config(row: Row) -> str:
    if row.config:
        return f'`{row.config}`' + (' with options' if row.options else '')
    return f'as {row.same_as}' if row.same_as else 'not here'
