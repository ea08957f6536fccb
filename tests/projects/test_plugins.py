"""A project is a plugin: without it salseg and the other projects do what they did.

Each test takes one folder out of a copy of the checkout, collects all tests there and runs those marked `core`: registry,
every config, lists and cards, losses, a training step, floors.
"""

import os
import re
import shutil

import pytest

from tests.needs import ROOT
from tests.processes import run_python

PROJECTS = sorted(path.parent.name for path in (ROOT / 'projects').glob('*/metafile.yml'))
FOLDERS = ('salseg', 'configs', 'projects', 'tools', 'tests', 'benchmarks', 'docs')
LEAST = 150  # Core tests that run without any one project; far fewer would show little.

pytestmark = pytest.mark.slow()


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """A copy of the checkout; large fixtures of parity tests are links, they are only looked for."""
    target = tmp_path_factory.mktemp('copy')
    for name in FOLDERS:
        ignored = shutil.ignore_patterns('__pycache__', '*.npz')
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for path in (ROOT / 'tests').rglob('*.npz'):
        (target / path.relative_to(ROOT)).symlink_to(path)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != '.git':
            shutil.copy(path, target / path.name)
    return target


@pytest.fixture()
def without(copy, tmp_path):
    """The copy without one project, until the test ends."""
    moved = []

    def take_out(project):
        shutil.move(copy / 'projects' / project, tmp_path / project)
        moved.append(project)
        return copy

    yield take_out
    for project in moved:
        shutil.move(tmp_path / project, copy / 'projects' / project)


def run_core(folder):
    """Status and output of the core tests of a checkout."""
    env = {**os.environ, 'PYTHONPATH': str(folder), 'OMP_NUM_THREADS': '1'}
    place = ['-c', 'import salseg; print(salseg.__file__)']
    assert str(folder) in run_python(place, folder, env).stdout
    command = ['-m', 'pytest', '-q', '-m', 'core', '-p', 'no:cacheprovider', '-p', 'no:xdist', 'tests']
    done = run_python(command, folder, env)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize('project', PROJECTS)
def test_without_a_project_the_core_tests_pass(without, project):
    status, output = run_core(without(project))
    assert status == 0, output[-3000:]
    assert int(re.search(r'(\d+) passed', output)[1]) >= LEAST


def test_a_salseg_that_imports_a_project_fails_without_it(without):
    folder = without(PROJECTS[0])
    planted = folder / 'salseg/ops/__init__.py'
    text = planted.read_text(encoding='utf-8')
    planted.write_text(text + f'\nimport projects.{PROJECTS[0]}\n', encoding='utf-8')
    try:
        status, output = run_core(folder)
    finally:
        planted.write_text(text, encoding='utf-8')
    assert status != 0
    assert f'projects.{PROJECTS[0]}' in output
