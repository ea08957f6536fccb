"""The script on training steps: it compares loss and gradients before it times."""

import copy
from functools import partial

import pytest
import torch

from tests.needs import ROOT, needs_project

needs_project('scwssod')


@pytest.fixture()
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks' / 'speed'))
    import training_steps

    return training_steps


@pytest.fixture()
def case(script):
    return script.System(2, 1, (64, 64), 'scwssod_lite0_paper_synthetic-128', unknown=True)


def test_a_step_against_itself_has_no_difference_and_a_row(script, case, capsys):
    ours = script.model_of(case)
    theirs = copy.deepcopy(ours)
    status = script.compared('scwssod', case, script.batch_of(case), (theirs, partial(script.own, theirs)), ours, 1)
    cells = capsys.readouterr().out.split('|')
    assert status == 0
    assert cells[9].strip() == '0e+00, 0e+00'
    assert float(cells[6]) == float(cells[7]) > 0
    assert all(p.grad is None for p in ours.parameters())


def test_another_gradient_ends_it_before_anything_is_timed(script, case, capsys, monkeypatch):
    ours = script.model_of(case)
    monkeypatch.setattr(script, 'step', lambda *given: pytest.fail('timed'))

    def detached(batch):
        loss = script.own(ours, batch)
        return loss / 2 + loss.detach() / 2

    assert script.compared('scwssod', case, script.batch_of(case), (ours, detached), ours, 1) == 1
    assert 'gradients differ by 0.0e+00 and 5.0e-01' in capsys.readouterr().out


def test_all_dropout_is_off_in_training(script):
    model = script.authors.without_dropout(torch.nn.Sequential(torch.nn.Dropout2d(0.5), torch.nn.Dropout(0.3))).train()
    x = torch.ones(1, 2, 4, 4)
    assert torch.equal(model(x), x)


def test_another_commit_runs_in_a_process_of_its_own(script, case, capsys, monkeypatch):
    monkeypatch.setitem(script.SYSTEMS, 'scwssod', case)
    words = ['--against', str(ROOT), '--systems', 'scwssod', '--rounds', '1']
    assert script.main(words) == 0
    cells = capsys.readouterr().out.splitlines()[-1].split('|')
    assert cells[9].strip() == '0e+00, 0e+00'
    assert float(cells[6]) == float(cells[7]) > 0


def test_another_commit_with_another_gradient_is_not_timed(script, case, capsys, monkeypatch):
    monkeypatch.setitem(script.SYSTEMS, 'scwssod', case)
    monkeypatch.setattr(script.Own, 'gradient', lambda self: [1.0, 1.0])
    monkeypatch.setattr(script.Own, 'seconds', lambda self: pytest.fail('timed'))
    assert script.main(['--against', str(ROOT), '--systems', 'scwssod', '--rounds', '1']) == 1
    assert 'loss and gradients differ by' in capsys.readouterr().out


def test_one_of_two_forms_is_named(script, capsys):
    with pytest.raises(SystemExit):
        script.main([])
    assert 'give --reference' in capsys.readouterr().err
