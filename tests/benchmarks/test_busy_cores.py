"""The benchmark beside busy processes leaves none of them behind and ends in time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.speed import busy_cores

SCRIPT = Path(busy_cores.__file__)


def alive(process):
    return process.poll() is None


def test_busy_processes_end_with_the_measurement_whatever_happens(monkeypatch):
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, 'Popen', Noted)

    def interrupted():
        with busy_cores.busy_processes(2, 60):
            assert all(alive(process) for process in started)
            raise RuntimeError('in the middle')

    with pytest.raises(RuntimeError, match='in the middle'):
        interrupted()
    assert len(started) == 2
    assert not any(alive(process) for process in started)


def test_a_busy_process_ends_by_itself():
    done = subprocess.run([sys.executable, '-c', busy_cores.BUSY.format(0.1)], check=False, timeout=30)
    assert done.returncode == 0


def test_a_measurement_that_takes_too_long_gives_the_steps_it_made():
    code = "import time\nprint('step 1.5', flush=True)\ntime.sleep(600)"
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    began = time.monotonic()
    assert busy_cores.output_of(process, 3.0) == 'step 1.5\n'
    assert time.monotonic() - began < 60
    assert not alive(process)


@pytest.mark.slow()
def test_steps_are_timed(monkeypatch):
    monkeypatch.setattr(sys, 'argv', [str(SCRIPT), '--steps', '1', '--threads', '1', '--limit', '100'])
    seen = []

    def timed(policy, args):
        # One of the four measurements is enough to see that steps come back.
        seen.append(policy)
        return measured(policy, args) if len(seen) == 1 else 1.0

    measured = busy_cores.seconds_per_step
    monkeypatch.setattr(busy_cores, 'seconds_per_step', timed)
    assert busy_cores.main() in (0, 1)
    assert seen == ['PASSIVE', 'PASSIVE', 'default', 'default']
