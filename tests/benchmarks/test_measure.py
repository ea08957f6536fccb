"""What the speed benchmarks share: a command line, the rows of cases, and bars that were missed."""

import json
import math
import runpy
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[2] / 'benchmarks/speed/measure.py'


@pytest.fixture(scope='module')
def measure():
    return runpy.run_path(str(SCRIPT), run_name='benchmark')


@pytest.fixture()
def case(measure):
    """Twice as fast with a quarter of the memory."""
    return measure['Case']('7x9', plain_ms=8.0, ours_ms=4.0, plain_bytes=4000, ours_bytes=1000, error=1e-7)


def test_a_missed_bar_is_named_with_its_case_and_fails_the_script(measure, case, capsys):
    report = measure['Report'](as_json=False)
    report.add(case, {'equal to 1e-06': True, '3x faster': False})
    report.add(case, {'4x less memory': False})
    assert report.status() == 1
    shown, missed = capsys.readouterr()
    assert shown.splitlines() == [measure['HEADER'], case.line(), case.line()]
    assert missed.splitlines() == ['7x9: not 3x faster', '7x9: not 4x less memory']


def test_bars_that_hold_give_status_0_and_no_word(measure, case, capsys):
    report = measure['Report'](as_json=False)
    report.add(case, {'2x faster': case.speedup >= 2, '4x less memory': case.memory_ratio >= 4})
    assert report.status() == 0
    assert capsys.readouterr().err == ''


def test_json_gives_a_line_for_each_case_and_no_header(measure, case, capsys):
    threads = torch.get_num_threads()
    try:
        quick, report = measure['begin']('What it times.', 'a few', ['--json'])
    finally:
        torch.set_num_threads(threads)
    report.add(case, {})
    (line,) = capsys.readouterr().out.splitlines()
    assert not quick
    assert json.loads(line) == dict(
        name='7x9', plain_ms=8, ours_ms=4, plain_bytes=4000, ours_bytes=1000, error=1e-7, speedup=2, memory_ratio=4
    )


def test_the_difference_is_the_largest_share_of_any_pair_and_never_hides_a_nan(measure):
    difference = measure['largest_difference']
    first = [torch.tensor([1.0, -4.0]), torch.tensor([10.0])]
    assert difference(first, [torch.tensor([1.0, -3.0]), torch.tensor([9.0])]) == 0.25
    assert math.isnan(difference(first, [first[0], torch.tensor([math.nan])]))
    with pytest.raises(ValueError, match='zip'):
        difference(first, first[:1])
