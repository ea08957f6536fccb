"""Workers of a data loader end with the process that started them."""

import os
import time

from tests.processes import run_python

# The results of a worker are larger than its pipe, so that it waits for a reader when the process is killed; the other
# worker holds the reading end too, and without a look at its parent each of them would wait for ever.
KILLED = """
import multiprocessing, os, signal, time
from salseg.engine.runner import SalRunner

# As mmengine does.
multiprocessing.set_start_method('fork', force=True)
loader = SalRunner.build_dataloader(dict(
    dataset=[b'x' * 1_000_000] * 100, batch_size=1, num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False), collate_fn=dict(type='pseudo_collate')))
batches = iter(loader)
next(batches)
time.sleep(0.3)
print(*(worker.pid for worker in batches._workers), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_worker_outlives_a_killed_process():
    done = run_python(['-c', KILLED])
    assert done.returncode == -9, done.stderr
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2
    end = time.monotonic() + 15
    while any(map(runs, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    left = [worker for worker in workers if runs(worker)]
    for worker in left:
        os.kill(worker, 9)
    assert left == []


def runs(process):
    """Whether it is there and has not ended; who adopted it may not have asked yet."""
    try:
        with open(f'/proc/{process}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
