"""Write the table of the data sets on the page of the data, docs/en/data.md, from the entries of `salseg convert`.

python tools/misc/data_table.py
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from salseg.apis.converting import CONVERTERS, Converter
from salseg.io.files import write_text

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/en/data.md'
BEGIN, END = '<!-- sets: written by tools/misc/data_table.py -->', '<!-- sets: end -->'
_HEAD = ('command', 'task', 'published', 'page', 'licence', 'SOURCE', 'written')


def table() -> str:
    """The rows of all published sets, as Markdown."""
    rows = [_HEAD, ('---',) * len(_HEAD)]
    rows += [_row(converter) for converter in CONVERTERS.values() if not converter.own]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def _row(converter: Converter) -> tuple[str, ...]:
    counts = [f'{" or ".join(f"{n:,}" for n in numbers)} {kind}' for kind, numbers in converter.published.items()]
    page = f'[page]({converter.page})' if converter.page else f'*{converter.title}*' if converter.title else ''
    return (
        f'`salseg convert {converter.name} SOURCE`',
        converter.task,
        '; '.join(counts),
        page,
        converter.licence,
        _plain(converter.source),
        f'`{converter.out(Path("data"))}/`: {_plain(converter.writes)}',
    )


def _plain(text: str) -> str:
    """A text in which Markdown and HTML see no marks."""
    return re.sub(r'[<>|*_]', lambda found: {'<': '&lt;', '>': '&gt;'}.get(found[0], f'\\{found[0]}'), text)


def with_table(page: str) -> str:
    """The page with the table of today between its marks.

    Raises:
        ValueError: The marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f'{PAGE} lacks {BEGIN} or {END}')
    return f'{before}{BEGIN}\n{table()}\n{END}{after}'


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    write_text(PAGE, with_table(PAGE.read_text(encoding='utf-8')))


if __name__ == '__main__':
    main()
