"""Configs are read in at most three files: a config, its base, the base of that."""

import ast
import re
from pathlib import Path

import pytest

from salseg.catalog import list_configs
from tests.needs import ROOT

pytestmark = pytest.mark.core()

DEEPEST = 3
SHARED = ROOT / 'configs' / '_base_'


def bases(path):
    """Files that a config names in ``_base_``."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            names = ast.literal_eval(node.value)
            return [(path.parent / name).resolve() for name in ([names] if isinstance(names, str) else names)]
    return []


def chain(path):
    """The longest way from a config to a file without base."""
    return [path, *max((chain(base) for base in bases(path)), key=len, default=[])]


def ancestors(path):
    """All files that a config is made of, without itself."""
    return {file for base in bases(path) for file in (base, *ancestors(base))}


@pytest.mark.parametrize('path', list_configs(), ids=lambda path: path.stem)
def test_a_config_has_at_most_three_levels(path):
    files = chain(path)
    assert len(files) <= DEEPEST, ' -> '.join(file.name for file in files)


def test_a_fourth_level_is_seen(tmp_path):
    (tmp_path / 'a.py').write_text('x = 1\n')
    for name, base in (('b', 'a'), ('c', 'b'), ('d', 'c')):
        (tmp_path / f'{name}.py').write_text(f"_base_ = ['./{base}.py', './a.py']\n")
    assert [len(chain(tmp_path / f'{name}.py')) for name in 'abcd'] == [1, 2, 3, 4]


@pytest.mark.parametrize('path', list_configs(), ids=lambda path: path.stem)
def test_a_project_needs_shared_bases_and_its_own_alone(path):
    folder = path.relative_to(ROOT).parts
    if folder[0] == 'projects':
        own = ROOT / 'projects' / folder[1]
        foreign = [base for base in ancestors(path) if SHARED not in base.parents and own not in base.parents]
        assert not foreign, f'{path.name} needs {foreign[0]}'


def test_every_base_is_used():
    named = re.findall(r'\]\((\w+)/README\.md\)', (ROOT / 'projects/README.md').read_text())
    assert len(named) >= 8
    if not all((ROOT / 'projects' / name).is_dir() for name in named):
        pytest.skip('a project was taken out, and bases stay that only it used')
    there = {*SHARED.rglob('*.py'), *(ROOT / 'projects').glob('*/configs/_base_/**/*.py')}
    used = {file for path in list_configs() for file in ancestors(path)}
    assert there == {file for file in used if '_base_' in Path(file).parts}


def test_no_two_bases_are_equal():
    texts = {}
    for path in sorted({*SHARED.rglob('*.py'), *(ROOT / 'projects').glob('*/configs/_base_/**/*.py')}):
        assert texts.setdefault(ast.dump(ast.parse(path.read_text())), path) == path
