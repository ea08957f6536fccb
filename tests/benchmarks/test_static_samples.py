"""The script on samples of stage 0, on small images; and that one image until the views differ is the same as three."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from salseg.datasets import SyntheticImages
from tests.needs import ROOT, needs_project
from tests.scripts import load_script

needs_project('xmem')
STAGE_0 = ROOT / 'projects/xmem/configs/xmem_r50_stage0-static_384.py'


@pytest.fixture()
def script():
    path = Path(__file__).resolve().parents[2] / 'benchmarks/speed/static_samples.py'
    return load_script(path)


SMALL = ['--images', '2', '--draws', '1', '--draws-before', '1', '--hrsod', '600', '960', '--big', '720', '1000']


def test_a_row_for_each_set_says_time_and_coverage(script, capsys, monkeypatch):
    monkeypatch.setattr(script, 'BAR', 60)
    assert script.main(SMALL) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(' | ')[:2] for row in rows] == [['| HRSOD', '600x960'], ['| BIG', '720x1000']]


def test_a_missed_bar_gives_status_one(script, capsys, monkeypatch):
    monkeypatch.setattr(script, 'BAR', 0)
    assert script.main(SMALL) == 1
    said = capsys.readouterr().err
    assert 's of CPU a sample, more than 0' in said


def test_an_image_is_repeated_late_and_the_views_are_those_of_three_copies():
    steps = [dict(step) for step in Config.fromfile(STAGE_0).static_pipeline]
    place = [step['type'] for step in steps].index('RepeatFrame')
    early = [*steps[:2], steps[place], *steps[2:place], *steps[place + 1 :]]
    assert place > 2
    late, copies = (SyntheticImages(3, size=(70, 90), labels='mask', pipeline=p) for p in (steps, early))
    for draw in range(9):
        a, b = late[draw], copies[draw]
        np.testing.assert_array_equal(a['inputs'], b['inputs'])
        np.testing.assert_array_equal(a['data_samples'].labels, b['data_samples'].labels)
        np.testing.assert_array_equal(a['data_samples'].prompt, b['data_samples'].prompt)
        assert a['data_samples'].frame_ids == b['data_samples'].frame_ids
