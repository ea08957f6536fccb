"""Private names of mmengine are touched in one folder."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import mmengine
import pytest

import salseg
from tests.needs import ROOT

COMPAT = ('salseg/mmengine_compat/registries.py', 'salseg/mmengine_compat/running.py')
FILES = [
    str(path.relative_to(ROOT))
    for top in ('salseg', 'projects', 'tools')
    for path in sorted((ROOT / top).rglob('*.py'))
]
OF_AN_OBJECT = re.compile(r'\bself\.(_[a-z]\w*)\b|^    def (_[a-z]\w*)\(', re.MULTILINE)


def of_mmengine():
    """Private attributes and methods that mmengine gives its objects."""
    texts = [path.read_text(encoding='utf-8') for path in Path(mmengine.__file__).parent.rglob('*.py')]
    return {name for text in texts for pair in OF_AN_OBJECT.findall(text) for name in pair if name}


def of_ours():
    """Private attributes and methods of salseg's own objects; their names may be the same by chance."""
    texts = [(ROOT / file).read_text(encoding='utf-8') for file in FILES if file not in COMPAT]
    return {
        name for text in texts for pair in re.findall(r'self\.(_\w+)\b[^=\n]*=[^=]|def (_\w+)\(', text) for name in pair
    }


def imported(text):
    """Private names and modules that a file imports from mmengine."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or '').split('.')[0] == 'mmengine':
            names = [*node.module.split('.'), *(alias.name for alias in node.names)]
            found += [name for name in names if name.startswith('_')]
    return found


def touched(text, theirs, ours):
    """Private names of mmengine that a file reads or writes on objects other than its own."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute) and node.attr in theirs]
    foreign = [node for node in nodes if getattr(node.value, 'id', '') not in ('self', 'cls')]
    return [node.attr for node in foreign if node.attr not in ours]


def inherited(kind):
    """Private names that a class uses or overrides and that a base of mmengine has."""
    bases = [base for base in inspect.getmro(kind) if base.__module__.split('.')[0] == 'mmengine']
    theirs = {name for base in bases for pair in OF_AN_OBJECT.findall(inspect.getsource(base)) for name in pair if name}
    used = re.findall(r'(?:self|cls|super\(\))\.(_[a-z]\w*)|def (_[a-z]\w*)\(', inspect.getsource(kind))
    return sorted({name for pair in used for name in pair if name} & theirs)


def classes():
    """All classes that salseg and the projects define."""
    modules = [name for _, name, _ in pkgutil.walk_packages(salseg.__path__, 'salseg.') if '__main__' not in name]
    modules += [f'projects.{path.parent.name}' for path in (ROOT / 'projects').glob('*/__init__.py')]
    for name in modules:
        importlib.import_module(name)
    own = [module for name, module in sorted(sys.modules.items()) if name.split('.')[0] in ('salseg', 'projects')]
    defined = ((module, kind) for module in own for kind in vars(module).values() if inspect.isclass(kind))
    return {kind for module, kind in defined if kind.__module__ == module.__name__}


@pytest.fixture(scope='module')
def names():
    return of_mmengine(), of_ours()


def test_no_other_file_touches_a_private_name_of_mmengine(names):
    theirs, ours = names
    texts = {file: (ROOT / file).read_text(encoding='utf-8') for file in FILES if file not in COMPAT}
    assert not {file: found for file, text in texts.items() if (found := imported(text) + touched(text, theirs, ours))}


def test_no_other_class_leans_on_private_names_of_its_base_in_mmengine():
    found = {f'{kind.__module__}.{kind.__name__}': inherited(kind) for kind in classes()}
    assert {name: used for name, used in found.items() if used and not name.startswith('salseg.mmengine_compat.')} == {}
    assert found['salseg.mmengine_compat.registries.OpenRegistry'] == ['_imported', '_locations', '_register_module']


def test_what_the_tests_look_for_they_find(names):
    theirs, ours = names
    assert imported('from mmengine.runner.loops import _InfiniteDataloaderIterator, Runner') == [
        '_InfiniteDataloaderIterator'
    ]
    assert imported('from mmengine._strategy import base') == ['_strategy']
    assert touched('runner._has_loaded = True; x = config._cfg_dict', theirs, ours) == ['_has_loaded', '_cfg_dict']
    found = {name for file in COMPAT for name in touched((ROOT / file).read_text(), theirs, ours)}
    assert found == {
        '_has_loaded',
        '_resume',
        '_inner_count',
        '_clip_grad',
        '_save_checkpoint_with_step',
        '_register_module',
        '_timestamp',
        '_max_iters',
        '_save_best_checkpoint',
    }


@pytest.mark.parametrize('file', COMPAT)
def test_every_function_and_class_of_the_file_says_what_it_relies_on(file):
    tree = ast.parse((ROOT / file).read_text(encoding='utf-8'))
    public = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith('_')]
    assert public
    assert [node.name for node in public if not ast.get_docstring(node)] == []
