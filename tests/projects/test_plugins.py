"""A project is a plugin: without it salseg and the other projects do what they did.

Each test takes folders out of a copy of the checkout, collects all tests there and runs those marked `core`: registry,
every config, lists and cards, losses, a training step, floors. Each project is out twice, each time with others, such that
for any two there is a run that has the one and lacks the other: no project can need another, and salseg can need none.
"""

import itertools
import os
import re
import shutil

import pytest

from tests.needs import ROOT
from tests.processes import run_python

PROJECTS = sorted(path.parent.name for path in (ROOT / 'projects').glob('*/metafile.yml'))
FOLDERS = ('salseg', 'configs', 'projects', 'tools', 'tests', 'benchmarks', 'docs')
# Five runs in place of one for each project: a project is out in two of them, no two projects in the same two.
RUNS = 5
OUT_IN = dict(zip(PROJECTS, itertools.combinations(range(RUNS), 2)))
LEAST = 150  # Core tests of every run; far fewer would show little.

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
    """The copy without some projects, until the test ends."""
    moved = []

    def take_out(*projects):
        for project in projects:
            shutil.move(copy / 'projects' / project, tmp_path / project)
            moved.append(project)
        return copy

    yield take_out
    for project in moved:
        shutil.move(tmp_path / project, copy / 'projects' / project)


def run_core(folder, *options):
    """Status and output of the core tests of a checkout; ``options`` are pytest's."""
    # What one run has compiled the next ones find, wherever tests themselves leave no such files.
    env = {**os.environ, 'PYTHONPATH': str(folder), 'OMP_NUM_THREADS': '1', 'PYTHONDONTWRITEBYTECODE': ''}
    place = ['-c', 'import salseg; print(salseg.__file__)']
    assert str(folder) in run_python(place, folder, env).stdout
    command = ['-m', 'pytest', '-q', '-m', 'core', '-p', 'no:cacheprovider', '-p', 'no:xdist', *options, 'tests']
    done = run_python(command, folder, env)
    return done.returncode, done.stdout + done.stderr


def test_any_project_is_missing_in_a_run_that_has_any_other():
    assert list(OUT_IN) == PROJECTS
    for one, other in itertools.permutations(PROJECTS, 2):
        assert set(OUT_IN[one]) - set(OUT_IN[other])


@pytest.mark.parametrize('run', range(RUNS))
def test_without_some_projects_the_core_tests_pass(without, run):
    status, output = run_core(without(*(project for project in PROJECTS if run in OUT_IN[project])))
    assert status == 0, output[-3000:]
    assert int(re.search(r'(\d+) passed', output)[1]) >= LEAST


def test_a_salseg_that_imports_a_project_fails_without_it(without):
    folder = without(PROJECTS[0])
    planted = folder / 'salseg/ops/__init__.py'
    text = planted.read_text(encoding='utf-8')
    planted.write_text(text + f'\nimport projects.{PROJECTS[0]}\n', encoding='utf-8')
    try:
        status, output = run_core(folder, '--exitfirst')
    finally:
        planted.write_text(text, encoding='utf-8')
    assert status != 0
    assert f'projects.{PROJECTS[0]}' in output
