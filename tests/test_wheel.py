"""The wheel carries configs, projects and tools, and works from an empty folder without a checkout."""

import importlib.util
import os
import subprocess
import sys
import zipfile

import pytest

from tests.needs import ROOT


@pytest.mark.slow()
@pytest.mark.skipif(importlib.util.find_spec('setuptools') is None, reason='building a wheel offline needs setuptools')
def test_an_installed_copy_lists_describes_and_trains_from_any_folder(tmp_path):
    source = tmp_path / 'source'
    tracked = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        '\n'
    )
    if not tracked[0]:
        pytest.skip('not a git checkout')
    wanted = ('salseg/', 'configs/', 'projects/', 'tools/', 'setup.py', 'README.md')
    for name in tracked:
        if name.startswith(wanted) and (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    wheels = tmp_path / 'wheels'
    command = [sys.executable, 'setup.py', '-q', 'bdist_wheel', '--dist-dir', str(wheels)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = wheels.glob('*.whl')
    site, empty = tmp_path / 'site', tmp_path / 'empty'
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()
    env = {**os.environ, 'PYTHONPATH': str(site), 'OMP_NUM_THREADS': '1'}

    def salseg(*arguments):
        run = [sys.executable, '-m', 'salseg', *arguments]
        done = subprocess.run(run, cwd=empty, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert 'scwssod-lite' in salseg('list')
    assert str(site) in salseg('info', 'scwssod-lite')
    options = [
        'train_cfg.max_iters=1', 'train_dataloader.num_workers=0', 'train_dataloader.batch_size=2',
        'model.backbone.weights=None',
        'train_dataloader.dataset.size=64', 'train_dataloader.dataset.pipeline.2.size=64',
    ]  # fmt: skip
    salseg('train', 'scwssod-lite', '--work-dir', 'run', '--cfg-options', *options)
    assert (empty / 'run' / 'iter_1.pth').is_file()
