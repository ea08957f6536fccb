"""The table of costs: items over rates, and less than linear on several devices."""

from benchmarks.speed import costs


def test_hours_and_cores(capsys):
    assert costs.main(['--rate', '100', '--loader', '50', '--efficiency', '0.5']) == 0
    rows = [line.split('|')[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    images = [cell.strip() for cell in rows[2]]
    # 10^7 / 100 seconds are 27.78 hours; 8 devices at one half are 4 of them.
    assert images[1:] == ['27.78', '6.94', '0.87', '27.8', '2.00']


def test_default_rates_are_those_of_the_page(capsys):
    assert costs.main([]) == 0
    assert '| 10,000,000 images, SCWSSOD | 69.44 | 9.65 | 1.21 | 69.4 | 0.16 |' in capsys.readouterr().out
