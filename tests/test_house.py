"""The house: layers, and plugins that can be taken out one by one."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.needs import ROOT

PROJECTS = sorted(path.parent.name for path in (ROOT / 'projects').glob('*/metafile.yml'))


def run(folder, *arguments):
    env = {**os.environ, 'PYTHONPATH': str(folder), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope='module')
def copy(tmp_path_factory):
    """A copy of the repository's code, tests and configs."""
    target = tmp_path_factory.mktemp('copy')
    for name in ('salseg', 'configs', 'projects', 'tools', 'tests', 'benchmarks', 'docs'):
        if (ROOT / name).is_dir():
            ignored = (
                shutil.ignore_patterns('__pycache__', '*.npz')
                if name == 'tests'
                else shutil.ignore_patterns('__pycache__')
            )
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in ('pytest.ini', 'README.md', 'CONTRIBUTING.md'):
        shutil.copy(ROOT / name, target / name)
    # Fixtures are large and needed for collection only by name.
    for path in (ROOT / 'tests' / 'parity').rglob('*.npz'):
        os.link(path, target / path.relative_to(ROOT)) if _same_disk(path, target) else shutil.copy(
            path, target / path.relative_to(ROOT)
        )
    return target


def _same_disk(path, target):
    return path.stat().st_dev == target.stat().st_dev


@pytest.mark.slow()
@pytest.mark.parametrize('project', PROJECTS)
def test_without_a_plugin_everything_else_still_stands(copy, project):
    away = copy / 'projects' / project
    aside = copy.parent / f'{project}-aside'
    shutil.move(away, aside)
    try:
        run(copy, '-m', 'pytest', '--collect-only', '-q', '-p', 'no:cacheprovider')
        listed = run(copy, '-m', 'salseg', 'list')
        assert listed
        run(copy, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests/structures', 'tests/models/test_losses.py')
    finally:
        shutil.move(aside, away)


def test_the_floors_hold():
    command = shutil.which('lint-imports', path=os.path.dirname(sys.executable)) or shutil.which('lint-imports')
    if command is None:
        pytest.skip('import-linter is not installed; `make test` runs it')
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
