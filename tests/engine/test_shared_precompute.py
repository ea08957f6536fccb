"""Flow and pseudo-labels of two processes: each piece of work once, and the folders of one process."""

import os
from pathlib import Path

import pytest

from tests.datasets.video_folders import write_video
from tests.needs import ROOT, needs_project
from tests.records import timeless
from tests.processes import run_python

needs_project('rcrnet')

SCRIPT = Path(__file__).with_name('shared_precompute.py')


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    if not hasattr(os, 'fork'):
        pytest.skip('the helper forks its processes')
    root = tmp_path_factory.mktemp('shared')
    for name, frames in (('a', 8), ('b', 5), ('c', 4)):
        write_video(root / 'set', name, frames)
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = run_python([SCRIPT, root / 'set', root], env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return root / 'one', root / 'two'


def test_each_piece_of_work_is_done_once_and_both_processes_work(folders):
    one, two = folders
    notes = [(two / f'{rank}.txt').read_text().splitlines() for rank in (0, 1)]
    assert notes[0]
    assert notes[1]
    assert sorted(notes[0] + notes[1]) == sorted((one / '0.txt').read_text().splitlines())


def test_the_folders_are_those_of_one_process(folders):
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob('*')) if path.suffix in SUFFIXES}
        for folder in folders
    )
    assert one == two
    for part in ('flow', 'labels'):
        assert timeless(folders[0] / part) == timeless(folders[1] / part)
    assert len(timeless(folders[1] / 'flow')['items']) == 2 * (7 + 4 + 3)


SUFFIXES = ('.png', '.flo')
