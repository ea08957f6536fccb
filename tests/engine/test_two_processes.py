"""Two processes that are killed continue to the bytes of a run that was left alone, whatever saves memory beside."""

import os
from pathlib import Path

import pytest
import torch

from salseg.engine.checkpoint import load_file
from tests.needs import ROOT
from tests.processes import run_python

SCRIPT = Path(__file__).with_name('two_processes.py')


@pytest.mark.slow()
@pytest.mark.skipif(not hasattr(os, 'fork'), reason='the helper forks its processes')
def test_a_killed_distributed_run_goes_on_to_the_same_bytes(tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text() + 'val_dataloader = val_evaluator = val_cfg = None\n')
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python([SCRIPT, tiny_config, tmp_path], env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    # Gradients of weights that were laid out anew after the processes knew each other are copied in every step.
    assert 'Grad strides' not in done.stderr
    whole, killed = (load_file(tmp_path / name / 'iter_4.pth') for name in ('whole', 'killed'))
    assert all(torch.equal(value, killed['state_dict'][name]) for name, value in whole['state_dict'].items())
    assert all(torch.equal(value, killed['ema_state_dict'][name]) for name, value in whole['ema_state_dict'].items())
    states = zip(whole['optimizer']['state'].values(), killed['optimizer']['state'].values())
    assert all(torch.equal(a['momentum_buffer'], b['momentum_buffer']) for a, b in states)
    assert 'resumed' in ''.join(path.read_text() for path in (tmp_path / 'killed').glob('*/*.log'))
