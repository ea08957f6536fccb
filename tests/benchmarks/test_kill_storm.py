"""The script on two commands with some kills; that it sees what is wrong."""

import os
import time

import pytest

from tests.benchmarks.storm_scenes import Scene
from tests.needs import ROOT
from tests.processes import run_python
from tests.scripts import load_script

SCRIPT = ROOT / 'benchmarks/reliability/kill_storm.py'


def test_commands_that_are_killed_end_as_undisturbed_ones():
    done = run_python([SCRIPT, 'predict-images', 'flow', '--kills', '3'], env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(' | ') for line in done.stdout.splitlines() if line.startswith(('| predict', '| flow'))]
    assert [(row[0], row[1], row[4]) for row in rows] == [('| predict-images', '3', 'no |'), ('| flow', '3', 'no |')]
    assert done.stdout.splitlines()[-1].startswith('6 kills of 2 commands')


@pytest.fixture()
def script(monkeypatch):
    module = load_script(SCRIPT)
    monkeypatch.setattr(module, 'GRACE', 1.0)
    return module


class Writer(Scene):
    """Writes ten files, one after the other, what is there stays; its name says what it does wrong."""

    def run(self, main, out):
        out.mkdir(exist_ok=True)
        there = sorted(out.glob('*.x'))
        if self.name == 'leaves a process' and os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        for number in range(len(there), 10):
            time.sleep(0.02)
            wrong = self.name == 'forgets' and there
            temporary = out / f'.{number}.tmp'
            temporary.write_text('other' if wrong else str(number))
            if self.name == 'leaves a file':
                (out / f'.{number}.12.tmp').touch()
            temporary.rename(out / f'{number}.x')
        return 3 if self.name == 'fails' and there else 0


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('honest', ''),
        ('forgets', 'results differ, the first'),
        ('leaves a file', 'temporary files remain, the first .'),
        ('leaves a process', 'processes remain after'),
        ('fails', 'status 3, expected 0'),
    ],
)
def test_what_is_wrong_is_seen(script, tmp_path, name, said):
    scene = Writer(name, '', lambda folder: None, '*.x')
    row = script.storm(scene, tmp_path / 'storm', 3, 0)
    assert len(row.moments) == 3
    assert row.total == 10
    assert said in '; '.join(row.wrong)
    assert bool(row.wrong) == (name != 'honest'), row.wrong
    assert row.middle() >= 1
    assert row.line().startswith(f'| {name} | 3 | ')
