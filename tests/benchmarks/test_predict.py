"""Scripts about prediction for a few images: they run, and what does not depend on speed holds."""

from pathlib import Path

import pytest

from tests.needs import needs_project
from tests.scripts import load_script

needs_project('scwssod')
needs_project('rcrnet')
needs_project('dcfm')

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks/speed'


def script(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return load_script(FOLDER / f'{name}.py')


def test_a_folder_holds_the_maps_of_the_bare_network(monkeypatch, capsys):
    assert script('predict_folder', monkeypatch).main(['--quick']) == 0
    assert '3 maps are equal, byte by byte' in capsys.readouterr().out


def test_memory_is_read_along_images_and_frames(monkeypatch, capsys):
    assert (
        script('bounded_predict', monkeypatch).main(['--quick', '--only', 'folder', 'stream', 'video', 'models']) == 0
    )
    said = capsys.readouterr().out
    assert said.count('MB at most after a tenth') == 4
    assert 'folder: 20 of 20 maps written' in said


@pytest.mark.slow()
def test_a_killed_command_loses_nothing(monkeypatch, capsys):
    assert script('bounded_predict', monkeypatch).main(['--quick', '--only', 'kill']) == 0
    assert 'missing 0, twice 0, half 0, all bytes equal: True' in capsys.readouterr().out


@pytest.mark.slow()
def test_two_processes_write_the_files_of_one(monkeypatch, capsys):
    assert script('sharded_predict', monkeypatch).main(['--quick']) == 0
    assert '6 images, the same bytes' in capsys.readouterr().out
