"""The page of the data sets, and what each project's page says of its own: from the entries, never by hand."""

import re

import pytest

from salseg.apis.converting import CONVERTERS, releases
from salseg.catalog import list_configs
from salseg.datasets.checking.sets import LOADERS, leaves
from salseg.engine.config import load_config
from salseg.releases import releases_at
from tests.needs import ROOT
from tools.misc import data_table

PROJECTS = sorted(path.parent.name for path in ROOT.glob('projects/*/metafile.yml'))


def test_the_table_of_the_sets_is_that_of_the_entries():
    page = data_table.PAGE.read_text(encoding='utf-8')
    assert page == data_table.with_table(page), 'run python tools/misc/data_table.py'


def test_every_published_set_has_a_row_with_its_counts_and_page_or_paper():
    rows = {row.split('`')[1].split()[2]: row for row in data_table.table().splitlines()[2:]}
    published = {name: converter for name, converter in CONVERTERS.items() if not converter.own}
    assert list(rows) == list(published)
    for name, converter in published.items():
        assert converter.page in rows[name]
        assert converter.page or converter.title in rows[name]
        assert all(f'{n:,}' in rows[name] for numbers in converter.published.values() for n in numbers)
        assert len(re.findall(r'(?<!\\)\|', rows[name])) == 8


def reads(project):
    """Configs of the data sets that the configs of a project read from folders."""
    for path in list_configs():
        if f'projects/{project}/' in str(path):
            config = load_config(str(path), check=False)
            for loader in LOADERS.values():
                for leaf in leaves((config.get(loader) or {}).get('dataset') or {}):
                    if 'data_root' in leaf:
                        yield path.name, leaf


def sets_of(project):
    """Names of the releases that the configs of a project read."""
    found = set()
    for _, leaf in reads(project):
        known = [release for release in releases_at(leaf['data_root'], releases()) if not release.own]
        found |= {release.name for release in known[: 2 if leaf.get('encoding') == 'scribble' else 1]}
    return found


@pytest.mark.parametrize('project', PROJECTS)
def test_every_set_that_configs_read_is_below_data_in_the_folder_of_a_set_that_can_be_converted_or_is_made(project):
    made = re.compile(r'data/(own|pseudo/.+|synthetic-[\w-]+)')
    strange = {
        (name, leaf['data_root'])
        for name, leaf in reads(project)
        if not made.fullmatch(leaf['data_root'])
        and (leaf['data_root'].split('/') + [''])[1]
        not in {converter.out(ROOT).name for converter in CONVERTERS.values()}
    }
    assert not strange


@pytest.mark.parametrize('project', PROJECTS)
def test_a_project_page_has_the_command_of_every_set_that_its_configs_read(project):
    text = (ROOT / 'projects' / project / 'README.md').read_text(encoding='utf-8')
    missing = [name for name in sorted(sets_of(project)) if not re.search(rf'salseg convert {name} ', text)]
    assert not missing


@pytest.mark.parametrize('project', [name for name in PROJECTS if name != 'example_project'])
def test_a_project_page_begins_with_its_five_lines(project):
    text = (ROOT / 'projects' / project / 'README.md').read_text(encoding='utf-8')
    places = [text.find(f'salseg {command}') for command in ('convert', 'check-data --config', 'train', 'test')]
    assert -1 not in places
    assert places == sorted(places)
    assert places[0] < text.find('\n## ', text.find('\n## ') + 1)
