"""Write on a project's page what `salseg test` prints for the paper's first row, with the paper's numbers in the same columns.

    python tools/misc/printed_tables.py [PROJECT ...] [--out DIR]

No published weights and no real test set are needed: the test sets are small drawn releases, converted by `salseg convert`,
and the weights are random. So the page shows which columns are printed for which set, and which of them are the paper's; the
numbers themselves mean nothing, and it says so. Some minutes for each project.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from salseg.apis import init_model
from salseg.apis.rows import COSTS, Register, Row, TestSet, read_rows, registered_projects
from salseg.catalog import model_cards
from salseg.cli import main as salseg
from salseg.engine.config import load_config
from salseg.io.files import write_text

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = '<!-- begin: tools/misc/printed_tables.py {} -->', '<!-- end: tools/misc/printed_tables.py {} -->'
# A set of a table, and the paper's numbers on it.
Published = tuple[TestSet, Sequence[float]]
NOTE = """### Printed

What these commands print, on a few drawn images of each set and with random weights: only the columns mean something. Below
each table the paper's numbers of the row {row} in the columns that they compare with.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Test, and write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('projects', nargs='*', metavar='PROJECT', help='all by default')
    parser.add_argument('--out', type=Path, metavar='DIR', help='kept; a temporary folder by default')
    args = parser.parse_args(arguments)
    for project in args.projects or registered_projects():
        page = ROOT / 'projects' / project / 'README.md'
        with tempfile.TemporaryDirectory() as folder:
            text = section(read_rows(project), (args.out or Path(folder)).resolve() / project)
        write_text(page, with_section(page.read_text(encoding='utf-8'), project, text))


def with_section(page: str, project: str, text: str) -> str:
    """The page with the section between its marks.

    Raises:
        ValueError: The marks are not there.
    """
    before, begin, rest = page.partition(BEGIN.format(project))
    _, end, after = rest.partition(END.format(project))
    if not begin or not end:
        raise ValueError(f'the page of {project} lacks {BEGIN.format(project)} or {END.format(project)}')
    return f'{before}{begin}\n{text}{end}{after}'


def first_row(register: Register, names: Mapping[str, str]) -> Row:
    """Of the paper's own method: the first one whose weights are those of a card."""
    rows = [row for row in register.rows if row.published and register.trained(row).config]
    return next((row for row in rows if register.trained(row).config in names), rows[0])


def tests(register: Register, row: Row) -> dict[tuple[str, tuple[str, ...]], list[Published]]:
    """The paper's numbers of a row, and of others with the same weights, by the config that tests there and its options."""
    found: dict[tuple[str, tuple[str, ...]], list[Published]] = {}
    trained, seen = register.trained(row), set()
    for other in register.rows:
        if register.trained(other) is not trained or other.options:
            continue
        for one in other.sets:
            key = (one.name, one.protocol)
            if one.protocol == COSTS or one.cannot or one.name not in other.published or key in seen:
                continue
            seen.add(key)
            found.setdefault((one.config or trained.config, one.options), []).append((one, other.published[one.name]))
    return found


def section(register: Register, folder: Path) -> str:
    """What stands between the marks."""
    names = {Path(card['Config']).stem: name for name, card in model_cards().items()}
    row = first_row(register, names)
    lines = [NOTE.format(row=f'{row.name} of table {row.table}')]
    for number, ((stem, options), published) in enumerate(tests(register, row).items()):
        path = register.config_path(stem)
        name = names.get(stem, path.relative_to(ROOT).as_posix())
        printed = run(str(path), options, folder / str(number))
        command = f'salseg test {name} CHECKPOINT' + (f' --cfg-options {" ".join(options)}' if options else '')
        lines += ['<!-- parsed only: weights -->', '```bash', command, '```', '', '```text', *printed, '```', '']
        lines += papers(printed, published)
    return '\n'.join(lines)


def run(config: str, options: Sequence[str], folder: Path) -> list[str]:
    """The tables that a test of a config prints, of random weights on drawn releases."""
    # Only this tool needs the makers of the tests.
    sys.path.insert(0, str(ROOT))
    from tests.projects.release_tree import convert_releases, roots

    folder.mkdir(parents=True)
    with contextlib.chdir(folder):
        loaded = load_config(config, options)
        loaded.pop('train_dataloader', None)
        loaded.pop('val_dataloader', None)
        with contextlib.redirect_stdout(io.StringIO()):
            convert_releases(roots([loaded]))
        torch.manual_seed(0)
        model = init_model(config, device='cpu', options=list(options), pretrained=False)
        for module in model.modules():
            # Without statistics of batches values would grow from layer to layer, beyond what numbers hold.
            if isinstance(module, torch.nn.Conv2d):
                module.weight.data *= 0.5
                if module.bias is not None:
                    module.bias.data.fill_(0.1)
        torch.save(dict(state_dict=model.state_dict()), 'random.pth')
        out = io.StringIO()
        words = [
            'test',
            config,
            'random.pth',
            '--work-dir',
            'work',
            '--cfg-options',
            'model.pretrained=False',
            *options,
        ]
        with contextlib.redirect_stdout(out):
            if salseg(words):
                raise RuntimeError(out.getvalue()[-2000:])
    logs = sorted(Path(folder, 'work').rglob('*.log'))
    return list(tables(logs[-1].read_text(encoding='utf-8')))


def tables(log: str) -> Iterator[str]:
    """The printed tables and the line below each, out of a log."""
    inside = False
    for line in log.splitlines():
        inside = line.startswith(('+', '|')) or (inside and line.startswith('protocol '))
        if inside:
            yield line


def papers(printed: Sequence[str], published: Sequence[Published]) -> Iterator[str]:
    """The paper's numbers, Markdown, with the columns of the printed tables that they belong to."""
    heads = [line for line in printed if line.startswith('|') and not line.strip('|').split('|')[0].strip()]
    protocols = [line.split()[1].rstrip(':') for line in printed if line.startswith('protocol ')]
    for head, protocol in zip(heads, protocols):
        columns = [cell.strip() for cell in head.strip('|').split('|')[1:]]
        rows = [(one, numbers) for one, numbers in published if one.protocol == protocol]
        if not rows:
            continue
        labels = {column: label for one, _ in rows for column, label in zip(one.columns, one.labels)}
        if not labels.keys() & set(columns):
            # A server computes them, from the submission.
            columns = list(labels)
        digits = max(len(f'{number:g}'.partition('.')[2]) for _, numbers in rows for number in numbers)
        yield f'| paper | {" | ".join(f"{labels[c]} = `{c}`" if c in labels else f"`{c}`" for c in columns)} |'
        yield '|---|' + '---|' * len(columns)
        for one, numbers in rows:
            given = {column: f'{number:.{digits}f}' for column, number in zip(one.columns, numbers)}
            yield f'| {one.name} | {" | ".join(given.get(column, "") for column in columns)} |'
        yield ''


if __name__ == '__main__':
    main()
