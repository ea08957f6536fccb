"""The script on each project's stages: killed inside and between them, they end with the same bytes."""

import pytest

from tests.needs import ROOT, needs_project
from tests.processes import run_python
from tests.scripts import load_script


@pytest.fixture()
def script(monkeypatch):
    module = load_script(ROOT / 'benchmarks/reliability/chains.py')
    # Forked from a process that has torch: here, unlike in a script, that is possible.
    monkeypatch.setattr(module, 'start', run_python)
    return module


# RCRNet's is tried in tests/apis/test_stages.py, with more moments.
@pytest.mark.parametrize('chain', ['npmca_net:paper', 'xmem:boxes-lite', 'mask_guided_fcn:paper'])
def test_a_chain_that_is_killed_ends_as_an_undisturbed_one(script, tmp_path, capsys, chain):
    needs_project(chain.split(':')[0])
    status = script.main([chain, '--steps', '2', '--moments', 'inside', '--out', str(tmp_path / 'out')])
    rows = capsys.readouterr().out.splitlines()
    assert rows[2].startswith(f'| {chain.replace(":", " ")} |')
    assert (status, rows[2].endswith('| yes |')) == (0, True), rows


def test_another_weight_and_a_missing_label_are_seen(script, tmp_path):
    import torch

    for run, value in (('a', 1.0), ('b', 1.0), ('c', 2.0)):
        (tmp_path / run).mkdir()
        torch.save({'state_dict': {'w': torch.tensor(value)}}, tmp_path / run / 'iter_2.pth')
    assert script.is_same(tmp_path / 'a', tmp_path / 'b')
    assert not script.is_same(tmp_path / 'a', tmp_path / 'c')
    for run in ('labels', 'fewer'):
        (tmp_path / run).mkdir()
    assert not script.is_same(tmp_path / 'labels', tmp_path / 'fewer')
    (tmp_path / 'labels' / '0.png').write_bytes(b'0')
    assert not script.is_same(tmp_path / 'labels', tmp_path / 'fewer')
