"""The tables of a project's page lead to files that are there, and to names that are in them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [page for page in sorted(ROOT.glob('projects/*/README.md')) if page.parent.name != 'example_project']
each_page = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.parent.name)


def symbol_rows(page):
    """(names, paths) of every row of a page that leads to modules or folders; `same` repeats the row above."""
    before = []
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
        if len(cells) < 3:
            continue
        paths = re.findall(r'`([\w/]+(?:\.py|/))`', cells[-1]) or (before if cells[-1] == 'same' else [])
        before = paths
        if paths:
            yield re.findall(r'`(\w+)', cells[1]), [located(page, path) for path in paths]


def located(page, path):
    """From the repository's root where a path names a folder, else beside the page."""
    return ROOT / path if '/' in path else page.parent / path


def text_of(path):
    return '\n'.join(part.read_text() for part in (sorted(path.glob('*.py')) if path.is_dir() else [path]))


@each_page
def test_what_a_table_of_the_page_leads_to_exists(page):
    missing = [str(path) for _, paths in symbol_rows(page) for path in paths if not path.exists()]
    assert not missing


@each_page
def test_all_names_of_a_row_stand_in_its_files(page):
    lost = []
    for names, paths in symbol_rows(page):
        text = '\n'.join(text_of(path) for path in paths)
        lost += [(name, [path.name for path in paths]) for name in names if not re.search(rf'\b{name}\b', text)]
    assert not lost


@each_page
def test_the_page_has_such_a_table(page):
    assert len(list(symbol_rows(page))) >= 6
