"""Files that take their names in one step, and what killed processes leave of them."""

import os

import pytest

from salseg.io.files import remove_leftovers, replacing
from tests.processes import run_python

DIES = """
import os
from salseg.io.files import replacing
with replacing('a.txt') as part:
    part.write_text('half')
    os._exit(9)
"""


def fails(path):
    with replacing(path) as part:
        part.write_text('half')
        raise KeyError


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(KeyError):
        fails(path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [('a.txt', 'old')]


@pytest.mark.parametrize('alone', [True, False])
def test_the_only_file_of_a_command_removes_what_a_killed_one_left_of_it(alone, tmp_path):
    assert run_python(['-c', DIES], cwd=tmp_path).returncode == 9
    (left,) = tmp_path.iterdir()
    others = [
        tmp_path / name for name in ('.b.txt.99999999.tmp', f'.a.txt.{os.getpid()}0.tmp.x', '.a.txt.tmp', 'a.txt.1.tmp')
    ]
    for other in others:
        other.touch()
    with replacing(tmp_path / 'a.txt', alone=alone) as part:
        part.write_text('whole')
    assert (tmp_path / 'a.txt').read_text() == 'whole'
    assert left.exists() == (not alone)
    assert all(other.exists() for other in others)


def test_temporary_files_of_running_processes_stay(tmp_path):
    mine, gone = tmp_path / f'.a.txt.{os.getppid()}.tmp', tmp_path / '.a.txt.99999999.tmp'
    mine.touch()
    gone.touch()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [mine]
    remove_leftovers(tmp_path / 'absent')
