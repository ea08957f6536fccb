"""Threads that wait sleep: OpenMP's policy stands in the environment before torch is loaded."""

import os
import subprocess
import sys

import pytest

from tests.needs import ROOT

STARTS = {
    'import': ['-c', 'import salseg; salseg.predict'],
    'command': ['-m', 'salseg', 'train', 'scwssod-lite'],
    'train.py': ['tools/train.py', 'scwssod-lite'],
    'test.py': ['tools/test.py', 'scwssod-lite', 'weights.pth'],
    'predict.py': ['tools/predict.py', 'scwssod-lite', 'images'],
    'quickstart.py': ['tools/quickstart.py'],
}


@pytest.fixture()
def policy_at_torch(tmp_path):
    """What the variable holds when a fresh process loads torch: a torch that prints it and ends the process."""
    (tmp_path / 'torch.py').write_text("import os\nprint(os.environ.get('OMP_WAIT_POLICY'), flush=True)\nos._exit(7)\n")

    def run(start, value=None):
        env = {key: held for key, held in os.environ.items() if key != 'OMP_WAIT_POLICY'}
        env |= {'PYTHONPATH': f'{tmp_path}{os.pathsep}{ROOT}'} | ({'OMP_WAIT_POLICY': value} if value else {})
        done = subprocess.run(
            [sys.executable, *STARTS[start]], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 7, done.stderr[-2000:]
        return done.stdout.strip()

    return run


@pytest.mark.parametrize('start', STARTS)
def test_waiting_threads_sleep_before_torch_is_loaded(policy_at_torch, start):
    assert policy_at_torch(start) == 'PASSIVE'


def test_the_value_of_a_user_is_kept(policy_at_torch):
    assert policy_at_torch('command', 'ACTIVE') == 'ACTIVE'


def test_a_process_without_the_package_has_no_policy(policy_at_torch, monkeypatch):
    monkeypatch.setitem(STARTS, 'bare', ['-c', 'import torch'])
    assert policy_at_torch('bare') == 'None'
