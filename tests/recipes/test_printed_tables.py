"""The tables on the projects' pages: sets and columns as `salseg test` prints them today, and the paper's numbers below."""

import re
import shlex

import pytest

from salseg.apis.rows import read_rows, registered_projects
from salseg.engine.config import load_config
from salseg.registry import METRICS
from tests.needs import ROOT

BLOCK = re.compile(r'```bash\n(.+?)\n```\n\n```text\n(.+?)\n```\n(.*?)(?=<!-- parsed only|\Z)', re.DOTALL)


MARK = 'tools/misc/printed_tables.py {} -->'
# A page gets its tables where its project writes the marks.
SHOWN = [p for p in registered_projects() if MARK.format(p) in (ROOT / 'projects' / p / 'README.md').read_text()]


def sections(project):
    text = (ROOT / 'projects' / project / 'README.md').read_text()
    mark = MARK.format(project)
    return BLOCK.findall(text[text.index(f'<!-- begin: {mark}') : text.index(f'<!-- end: {mark}')])


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


@pytest.mark.parametrize('project', SHOWN)
def test_a_page_shows_what_is_printed_and_the_papers_numbers_in_the_same_columns(project):
    published = {
        f'{number:g}' for row in read_rows(project).rows for values in row.published.values() for number in values
    }
    found = sections(project)
    assert found
    for command, printed, paper in found:
        words = shlex.split(command)
        assert [*words[:2], words[3]] == ['salseg', 'test', 'CHECKPOINT']
        config = load_config(str(ROOT / words[2]) if '/' in words[2] else words[2], words[5:])
        lines = [line for line in printed.splitlines() if line.startswith('|')]
        heads = [cells(line) for line in lines if not cells(line)[0]]
        protocols = METRICS.build(config.test_evaluator).protocols
        assert [rules.name for rules in protocols] == re.findall(r'^protocol ([\w-]+)', printed, re.MULTILINE)
        withheld = 'labels with the server' in printed
        for head, rules in zip(heads, protocols, strict=True):
            assert withheld or tuple(head[-len(rules.columns) :]) == tuple(rules.columns)
        node = config.test_dataloader.dataset
        names = {part.get('name') or part.data_root.rpartition('/')[2] for part in node.get('datasets', [node])}
        assert {cells(line)[0] for line in lines if cells(line)[0]} == names
        tables = [line for line in paper.splitlines() if line.startswith('|') and not line.startswith('|---')]
        assert len(tables) >= 2
        for line in tables:
            if line.startswith('| paper |'):
                columns = [re.sub(r'.* = |`', '', cell) for cell in cells(line)[1:]]
                assert columns in ([list(rules.columns) for rules in protocols] if withheld else [h[1:] for h in heads])
            else:
                assert {f'{float(cell):g}' for cell in cells(line)[1:] if cell} <= published
