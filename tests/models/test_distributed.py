"""Two processes with half the batch each must do what one process does with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.processes import run_python

SCRIPT = Path(__file__).with_name('distributed_gradients.py')
ROOT = SCRIPT.parents[2]


def gradients(config, out, processes):
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    done = run_python([SCRIPT, config, out], env=env, processes=processes if processes > 1 else 0)
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(out, weights_only=True)


@pytest.mark.slow()
def test_gradients_of_two_processes_equal_one_with_the_doubled_batch(tiny_config, tmp_path):
    one = gradients(tiny_config, tmp_path / 'one.pth', 1)
    two = gradients(tiny_config, tmp_path / 'two.pth', 2)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert (two[name] - value).norm() <= 1e-6 * value.norm() + 1e-14, name


@pytest.mark.slow()
def test_every_image_is_evaluated_once_whatever_the_size_of_the_data_set(tiny_config, tmp_path):
    """Three images on two processes: the table must count three and equal that of one process."""
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    run_python(['-m', 'salseg', 'train', tiny_config, '--work-dir', tmp_path / 'run'], env=env).check_returncode()
    arguments = ['salseg', 'test', str(tiny_config), str(tmp_path / 'run' / 'iter_4.pth')]
    one = run_python(['-m', *arguments], env=env).stdout
    launcher = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2', '-m']
    two = subprocess.run(
        [*launcher, *arguments, '--launcher', 'pytorch'], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert two.returncode == 0, two.stderr[-3000:]
    rows = [next(line for line in text.splitlines() if line.startswith('| synthetic')) for text in (one, two.stdout)]
    assert rows[0] == rows[1]
    assert rows[0].split('|')[2].strip() == '3'
