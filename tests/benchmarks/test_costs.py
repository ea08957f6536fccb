"""The table of costs: items over rates, and less than linear on several devices."""

from benchmarks.speed import costs
from tests.needs import ROOT


def test_hours_and_cores(capsys):
    assert costs.main(['--rate', '100', '--loader', '50', '--efficiency', '0.5']) == 0
    rows = [line.split('|')[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    images = [cell.strip() for cell in rows[2]]
    # 10^7 / 100 seconds are 27.78 hours; 8 devices at one half are 4 of them.
    assert images[1:] == ['27.78', '6.94', '0.87', '27.8', '2.00']


def test_default_rates_are_those_of_the_page(capsys):
    assert costs.main([]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    page = (ROOT / 'docs/en/performance.md').read_text(encoding='utf-8').splitlines()
    assert len(rows) == 5
    assert set(rows) <= set(page)
