"""The script on small images: every published pipeline once."""

from pathlib import Path

import pytest

from tests.needs import ROOT
from tests.scripts import load_script


@pytest.fixture(scope='module')
def script():
    return load_script(ROOT / 'benchmarks/speed/loader_throughput.py')


def test_each_published_pipeline_is_timed_once(script, capsys):
    configs = script.published()
    assert {Path(path).parents[1].name for path in configs} >= {
        'scwssod',
        'dcfm',
        'mask_guided_fcn',
        'npmca_net',
        'xmem',
    }
    assert script.main([*configs, '--samples', '1', '--scale', '0.2', '--plain']) == 0
    rows = [line.split('  ') for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == [Path(path).stem for path in configs]
    assert all(float(row[1]) > 0 for row in rows)
    # Theirs, where it is public: as many images of the same size, or the script would have ended.
    public = {row[0].split('_')[0] for row in rows if row[4] != 'no code is public'}
    assert public == {'scwssod', 'dcfm', 'rcrnet', 'rcrnet-ner', 'xmem'}
