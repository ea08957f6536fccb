"""The script on whole networks: it compares before it times, sums the parts' least times, and imports without traces."""

import sys

import pytest
import torch

from tests.needs import ROOT, needs_project

needs_project('scwssod')
needs_project('xmem')


@pytest.fixture()
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks' / 'speed'))
    import whole_networks

    return whole_networks


CASES = {'scwssod': (1, 0), 'xmem': (3, 2)}


@pytest.mark.parametrize('name', CASES)
def test_a_network_against_itself_has_no_difference_and_a_row(script, capsys, name):
    frames, objects = CASES[name]
    case = script.System(frames, (64, 96), objects=objects)
    model = script.model_of(name, plain=False, lite=True)
    theirs, ours = (script.Local(script.parts_of(model, name, case)) for _ in range(2))
    assert script.compared(name, case, theirs, ours, rounds=2) == 0
    cells = capsys.readouterr().out.split('|')
    assert cells[9].strip() == '0e+00'
    assert [len(times) for times in theirs.clock.rounds] == [frames if objects else 1] * 2
    assert float(cells[6]) == float(cells[7]) > 0


def test_different_outputs_end_it_before_anything_is_timed(script, capsys):
    case = script.System(1, (64, 64))

    def parts(value):
        return lambda: iter([torch.ones(1, 1, 4, 4), torch.full((1, 1, 4, 4), value)])

    theirs, ours = script.Local(parts(1.0)), script.Local(parts(1.01))
    assert script.compared('some', case, theirs, ours, rounds=1) == 1
    assert 'outputs differ by 1.0e-02' in capsys.readouterr().out
    assert theirs.clock.rounds == []


@pytest.mark.parametrize(
    ('doubled', 'distance', 'status'), [(1.0, 0.019, 0), (1.0, 0.021, 1), (1.0 + 1e-8, 0.019, 1), (None, 0.019, 1)]
)
def test_rounding_is_told_from_errors_in_double_precision(script, capsys, doubled, distance, status):
    """Theirs is .01 from the exact result; ours may be .02 from it, and in double precision 1e-9."""
    case = script.System(1, (64, 64))

    def parts(value):
        return lambda: iter([torch.full((1, 1, 4, 4), value, dtype=torch.float64)])

    exact = None if doubled is None else lambda: (parts(1.0), parts(doubled))
    forms = (script.Local(parts(value)) for value in (1.01, 1 - distance))
    assert script.compared('some', case, *forms, 1, exact) == status
    shown = capsys.readouterr().out
    assert ('0e+00 in double precision; 1e-02 and 2e-02' if status == 0 else 'outputs differ by') in shown


def test_least_times_are_taken_part_by_part(script):
    clock = script.Clock([[1.0, 5.0], [3.0, 2.0]])
    assert (clock.best(), clock.median()) == (3.0, 5.5)


def test_code_of_others_leaves_no_modules_and_no_answers_behind(script, tmp_path):
    import authors

    for folder, number in (('one', 1), ('two', 2)):
        (tmp_path / folder / 'model').mkdir(parents=True)
        (tmp_path / folder / 'model' / 'network.py').write_text('from model.part import number\n')
        (tmp_path / folder / 'model' / 'part.py').write_text(f'number = {number}\n')
    found = [authors.imported(tmp_path / folder, 'model.network').number for folder in ('one', 'two')]
    assert found == [1, 2]
    assert not any(name.split('.')[0] == 'model' for name in sys.modules)
    load = torch.load
    with authors.on_cpu():
        assert torch.zeros(1).cuda().device.type == 'cpu'
        assert '0.weight' in ''.join(torch.load('vgg16-397923af.pth'))
    assert torch.load is load


def test_batch_norms_take_the_statistics_of_a_run(script):
    import authors

    model = torch.nn.Sequential(torch.nn.BatchNorm2d(2)).eval()
    x = 3 + 2 * torch.randn(4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    authors.take_statistics(model, lambda: model(x))
    torch.testing.assert_close(model(x).mean((0, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)
    assert not model[0].training
