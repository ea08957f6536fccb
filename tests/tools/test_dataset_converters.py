import runpy
import sys
from unittest import mock

import pytest

from tests.datasets.checking.folders import images
from tests.needs import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / 'tools/dataset_converters').glob('*.py'))


def run(script, *arguments):
    main = runpy.run_path(str(ROOT / 'tools/dataset_converters' / script))['main']
    with mock.patch.object(sys, 'argv', [script, *map(str, arguments)]):
        return main()


@pytest.mark.parametrize('script', SCRIPTS)
def test_a_source_that_is_not_there_is_said_and_nothing_is_written(script, tmp_path, capsys):
    middle = [tmp_path / 'a.json'] if script == 'coco_groups.py' else []
    target = tmp_path / ('boxes.csv' if script == 'boxes_from_masks.py' else 'out')
    assert run(script, tmp_path / 'nowhere', *middle, target) == 2
    assert 'nowhere does not exist' in capsys.readouterr().err
    assert not target.exists()


def test_a_script_shows_what_it_wrote_and_how_to_check_it(tmp_path, capsys):
    assert run('scribbles.py', images(tmp_path / 'in'), tmp_path / 'out', '--draw') == 0
    text = capsys.readouterr().out
    assert '3 scribbles' in text
    assert f'salseg check-data {tmp_path / "out"}' in text
