"""Training on cores that others use too: seconds per step idle and beside busy processes, with both wait policies.

    python benchmarks/speed/busy_cores.py [--steps 10]

The steps are those of the quickstart, each measurement in a process of its own. With the default policy OpenMP's threads
spin while they wait; with `OMP_WAIT_POLICY=PASSIVE`, which salseg sets, they sleep. The status is 1 if with PASSIVE busy
cores make a step more than five times as long. Nothing runs longer than `--limit` says, whatever happens.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

ALLOWED = 5.0
# Ends by itself too, in case this process is killed before it can end it.
BUSY = 'import time\nend = time.monotonic() + {}\nwhile time.monotonic() < end: pass'
# OpenMP reads the variable when torch is loaded. With salseg first it is what salseg sets, with torch first the default.
STEPS = """
import {first}
from benchmarks.speed.busy_cores import train
train({model!r}, {steps}, {folder!r})
"""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='scwssod-lite')
    parser.add_argument('--steps', type=int, default=10, help='timed steps, after one to warm up')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--busy', type=int, default=os.cpu_count(), help='busy processes; one per core by default')
    parser.add_argument('--limit', type=float, default=120.0, help='seconds at most for each of four measurements')
    args = parser.parse_args()
    load = ', '.join(f'{value:.1f}' for value in os.getloadavg())
    print(f'{os.cpu_count()} cores, load before {load}; {args.steps} steps, {args.threads} threads, {args.busy} busy')
    ratios = {}
    for policy in ('PASSIVE', 'default'):
        idle = seconds_per_step(policy, args)
        with busy_processes(args.busy, args.limit):
            busy = seconds_per_step(policy, args)
        ratios[policy] = busy / idle
        shown = (f'{part} {text(value, args.limit)}' for part, value in (('idle', idle), ('busy', busy)))
        print(f'{policy:8}', ', '.join(shown), f': {ratios[policy]:.1f}x', flush=True)
    return 0 if ratios['PASSIVE'] <= ALLOWED else 1


def text(seconds: float, limit: float) -> str:
    """Seconds per step in words."""
    return f'{seconds:.2f} s a step' if seconds < float('inf') else f'no step after the first within {limit:.0f} s'


@contextmanager
def busy_processes(count: int, seconds: float) -> Iterator[None]:
    """Processes that each keep a core busy."""
    running = []
    try:
        running += [subprocess.Popen([sys.executable, '-c', BUSY.format(seconds)]) for _ in range(count)]
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def seconds_per_step(policy: str, args: argparse.Namespace) -> float:
    """Median of the steps of a fresh process; of those it made within the limit, infinite if none."""
    # Neither policy is given: this is the environment of a user who has never heard of them.
    environment = {key: value for key, value in os.environ.items() if key != 'OMP_WAIT_POLICY'}
    environment['OMP_NUM_THREADS'] = str(args.threads)
    # The script's own folder must not come first: its neighbours have names of other modules.
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment['PYTHONPATH'] = os.pathsep.join(filter(None, [root, environment.get('PYTHONPATH')]))
    with tempfile.TemporaryDirectory() as folder:
        first = 'torch' if policy == 'default' else 'salseg'
        code = STEPS.format(first=first, model=args.model, steps=args.steps, folder=folder)
        process = subprocess.Popen(
            [sys.executable, '-c', code], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        printed = output_of(process, args.limit)
    times = [float(line.split()[1]) for line in printed.splitlines() if line.startswith('step ')]
    if process.returncode and process.returncode != -signal.SIGKILL:
        raise SystemExit(f'training ended with status {process.returncode}')
    return statistics.median(times[1:]) if len(times) > 1 else float('inf')


def output_of(process: subprocess.Popen, limit: float) -> str:
    """What a process printed, until it ended or was ended with all that it had started."""
    try:
        return process.communicate(timeout=limit)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def train(model: str, steps: int, folder: str) -> None:
    """A run of some steps as `salseg train` makes it; prints the seconds of each."""
    from mmengine.hooks import Hook

    from salseg.engine.config import load_config
    from salseg.engine.runner import SalRunner
    from salseg.engine.train import prepare

    class PrintStepHook(Hook):
        """Prints the time from the end of one step to the end of the next."""

        priority = 'VERY_LOW'

        def before_train(self, runner: SalRunner) -> None:
            self.last = time.perf_counter()

        def after_train_iter(self, runner: SalRunner, *_: object, **__: object) -> None:
            now = time.perf_counter()
            print(f'step {now - self.last:.4f}', flush=True)
            self.last = now

    options = [f'train_cfg.max_iters={steps + 1}', 'default_hooks.checkpoint.interval=100000']
    config = load_config(model, options)
    prepare(config, folder, 'none', amp=False)
    runner = SalRunner.from_cfg(config)
    runner.register_hook(PrintStepHook())
    runner.train()


if __name__ == '__main__':
    sys.exit(main())
