"""The script on one command with some limits; that it sees what is wrong."""

import os

import pytest

from tests.benchmarks.storm_scenes import Scene
from tests.needs import ROOT
from tests.processes import run_python

SCRIPT = ROOT / 'benchmarks/reliability/full_disk.py'


def test_what_does_not_fit_ends_with_a_sentence_and_a_repeat_mends_it():
    words = [SCRIPT, 'convert', '--sizes', '3', '--disks', '0']
    done = run_python(words, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert '| convert | 3 | 3 x 2 | no |' in done.stdout.splitlines()


class Writer(Scene):
    """Writes a file of ten bytes; its name says what it does wrong where that does not fit."""

    def run(self, main, out):
        out.mkdir(exist_ok=True)
        try:
            (out / '.a.tmp').write_bytes(b'x' * 10)
            (out / '.a.tmp').rename(out / 'a.x')
        except OSError as error:
            if self.name != 'leaves a temporary file':
                (out / '.a.tmp').unlink()
            if self.name == 'leaves half a file':
                (out / 'a.x').touch()
            if self.name == 'has a traceback':
                raise
            # Not through sys.stderr, which belongs to pytest.
            os.write(2, b'' if self.name == 'says nothing' else f'salseg write: {error}\n'.encode())
            return 2
        return 0


@pytest.mark.parametrize(
    ('name', 'seen'),
    [
        ('is right', ''),
        ('leaves a temporary file', 'temporary files remain'),
        ('leaves half a file', 'files are not those of the whole run'),
        ('has a traceback', 'status 70'),
        ('says nothing', 'without a reason'),
    ],
)
def test_what_is_wrong_is_in_the_row(name, seen, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from full_disk import limited

    row = limited(Writer(name, '', lambda folder: None, '*.x'), tmp_path / 'scene', 3, 0)
    assert row.ends.total() == 3
    assert bool(row.wrong) == bool(seen), row.wrong
    assert not seen or any(seen in text for text in row.wrong), row.wrong
