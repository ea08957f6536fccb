"""The script that compares test, evaluate and predict on a folder of people's data."""

from salseg.datasets.synthetic import write_dataset
from tests.needs import ROOT, needs_project
from tests.scripts import load_script

needs_project('xmem')


def test_the_ways_to_the_numbers_are_compared_and_a_difference_is_seen(tmp_path, capsys, monkeypatch):
    script = load_script(ROOT / 'benchmarks/reliability/same_numbers.py')
    write_dataset('davis', tmp_path / 'data/davis_multi', splits=dict(val=1), length=4, size=48)
    words = [str(tmp_path / 'data'), '--tasks', 'vos', '--options', 'model.shorter_side=None', '--out']
    assert script.main([*words, str(tmp_path / 'out')]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith('| 3 | all | all |')
    # Nothing runs again, but one file has changed since.
    monkeypatch.setattr(script, 'run', lambda words: None)
    sorted((tmp_path / 'out/vos/predicted').rglob('*.png'))[-1].write_bytes(b'other')
    row = script.compare(script.TASKS['vos'], tmp_path / 'data', tmp_path / 'out/vos', 'unused', [])
    assert row[-2:] == ['all', '3 of 4']
