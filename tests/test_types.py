"""The type checker has no way round: no error is silenced but a few, each of one kind and with its reason."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for folder in ('salseg', 'projects') for path in sorted((ROOT / folder).rglob('*.py'))]
IGNORE = re.compile(r'#\s*type:\s*ignore(\[[a-z, -]+\])?')


@pytest.fixture(scope='module')
def config():
    read = configparser.ConfigParser()
    assert read.read(ROOT / 'mypy.ini')
    return read


def test_all_code_is_checked_and_no_error_is_ignored(config):
    settings = {key for section in config.sections() for key in config[section]}
    assert not settings & {'ignore_errors', 'disable_error_code', 'follow_imports', 'follow_imports_for_stubs'}
    assert config['mypy']['packages'] == 'salseg, projects'
    assert config['mypy']['exclude'] == 'projects/.*/configs/'
    assert 'ignore_missing_imports' not in config['mypy']


def test_untyped_libraries_are_named_and_are_none_of_ours(config):
    named = [name for section in config.sections() if section != 'mypy' for name in section[5:].split(',')]
    assert named
    assert not [name for name in named if name.startswith(('*', 'salseg', 'projects'))]


def test_few_lines_are_ignored_each_with_its_code_and_a_reason_above():
    found = []
    for path in FILES:
        lines = path.read_text(encoding='utf-8').splitlines()
        for number, line in enumerate(lines):
            match = IGNORE.search(line)
            if match is not None:
                found.append((path, number, match.group(1), lines[number - 1].strip()))
    assert len(found) <= 3
    assert not [place for *place, code, above in found if code is None or not above.startswith('#')]
    assert not [path for path in FILES if re.search('^# mypy:', path.read_text(encoding='utf-8'), re.MULTILINE)]
