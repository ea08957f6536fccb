"""The script that times a GPU, at the published sizes on a pretended one, so that on a real one it cannot fail half-way."""

import os
from pathlib import Path

import pytest

from salseg.apis import init_model
from tests.needs import needs_project
from tests.pretended import build, pretended_gpu, require_pretending
from tests.scripts import load_script

for project in ('scwssod', 'rcrnet', 'xmem', 'npmca_net', 'dcfm', 'contrastive_vsod', 'mask_guided_fcn'):
    needs_project(project)

require_pretending()

FILE = Path(__file__).resolve().parents[2] / 'benchmarks/speed/performance.py'


@pytest.fixture()
def script(monkeypatch):
    """The script on the pretended GPU: models without numbers, every call once and in mixed precision, no clock."""
    module = load_script(FILE)
    monkeypatch.setattr(module, 'init_model', lambda *words, **options: build(lambda: init_model(*words, **options)))
    monkeypatch.setattr(module, 'timed', lambda call, device, rounds: (call(), (1.0, 2**20))[1])
    training, inference = module.training, module.inference
    # Single precision is what mixed precision does without scaling; `mixed` is the argument before the rounds.
    monkeypatch.setattr(module, 'training', lambda *given: training(*given) if given[4] else (1.0, None))
    monkeypatch.setattr(module, 'inference', lambda *given: inference(*given) if given[4] else 1.0)
    monkeypatch.setattr('torch.cuda.get_device_name', lambda device: 'pretended')
    monkeypatch.setattr('torch.cuda.synchronize', lambda device: None)
    return module


def rows(script, capsys, *words):
    """Lines of the table, and the copies to the host."""
    with pretended_gpu(transfers=True) as gpu:
        assert script.main(['--device', 'cuda:0', *words]) == 0
    return capsys.readouterr().out.splitlines()[4:], gpu.copies


# The others take half a minute of a core and are of the same parts: SALSEG_ALL_SIZES=1 tries them too.
SYSTEMS = ['scwssod', 'dcfm', 'mask-guided-fcn']
if os.environ.get('SALSEG_ALL_SIZES'):
    SYSTEMS += ['rcrnet-ner', 'fgplg', 'contrastive-vsod']


@pytest.mark.parametrize('system', SYSTEMS)
def test_a_system_at_its_published_size(system, script, capsys):
    (row,), copies = rows(script, capsys, '--systems', system)
    assert row.count(' 1000 ms |') == 2, 'step and mixed step'
    assert copies == []


@pytest.mark.parametrize('system', ['npmca-net', 'xmem-boxes'])
def test_a_tracker_at_its_published_size(system, script, capsys):
    (row,), copies = rows(script, capsys, '--systems', system, '--frames', '3')
    assert row.count(' 1000 ms |') == 2, 'step and mixed step'
    assert copies == []


def test_xmem_follows_one_three_and_five_objects(script, monkeypatch, capsys):
    monkeypatch.setattr(script, 'training', lambda *given: (1.0, None))
    for objects in (1, 3, 5):
        (row,), copies = rows(script, capsys, '--systems', 'xmem', '--objects', str(objects), '--frames', '3')
        assert row.startswith('| xmem | ')
        assert copies == []
