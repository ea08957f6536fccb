"""Scoring folders: two processes against one, memory and first progress on many maps, a kill and what follows.

    python benchmarks/speed/evaluate_parallel.py [--maps 20000] [--images 240] [--folder DIR]

Equality first: metrics of two processes and of a resumed run must have the same bits as those of one. Exits with 1 if
a bar is missed: two processes 1.7 times as fast as one, the first progress within a second, memory of many maps within
64 MiB of that of a tenth of them, and no unit scored twice after a kill. The folders are drawn below a temporary
folder and deleted; `--folder` keeps them.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SPEED_BAR, FIRST_BAR, MEMORY_BAR = 1.7, 1.0, 64 * 2**20

# Runs in a process of its own, as the command does; reports what it measured as a line of JSON.
CHILD = """
import time
began = time.perf_counter()
import json, resource, sys
from pathlib import Path
from salseg.evaluation.evaluate import Settings, evaluate_folders
folder, processes, records, stop, names = json.loads(sys.argv[1])
first = None
def progress(done, total):
    global first
    if first is None:
        first = time.perf_counter() - began
    if stop and done >= stop:
        print(json.dumps(dict(done=done)), flush=True)
        time.sleep(60)
settings = Settings(processes=processes, fork=True, records=Path(records) if records else None, names=names)
settings = Settings(**{**vars(settings), 'allow_extra': bool(names)})
scoring = time.perf_counter()
result = evaluate_folders({'m': folder + '/pred'}, folder + '/gt', 'sod', settings, progress=progress)
metrics = {k: v.tolist() if hasattr(v, 'tolist') else v for k, v in result.results[0].metrics.items()}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
cpu = [u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))]
print(json.dumps(dict(first=first, seconds=time.perf_counter() - scoring, peak=1024 * max(peak), cpu=sum(cpu),
                      scored=result.scored, images=result.results[0].counts['images'], metrics=metrics)))
"""


def draw(folder: Path, number: int, height: int, width: int, per_folder: int = 1000) -> Path:
    """Ellipses and noisy maps of them, 40 different ones under many names."""
    for k in range(number):
        stem = f'{k // per_folder:03d}/{k:06d}.png'
        mask, saliency = variant(k % 40, height, width)
        for side, data in (('gt', mask), ('pred', saliency)):
            path = folder / side / stem
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


_variants: dict[tuple[int, int, int], tuple[bytes, bytes]] = {}


def variant(seed: int, height: int, width: int) -> tuple[bytes, bytes]:
    """Mask and map as PNG."""
    key = seed, height, width
    if key not in _variants:
        generator = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width]
        row, column = generator.uniform(0.3, 0.7, 2) * (height, width)
        mask = np.uint8(((y - row) / (height / 4)) ** 2 + ((x - column) / (width / 4)) ** 2 < 1) * 255
        noise = cv2.GaussianBlur(generator.normal(0, 200, mask.shape).astype(np.float32), (0, 0), 3)
        saliency = np.clip(0.6 * cv2.GaussianBlur(mask, (0, 0), height / 40) + 40 + noise, 0, 255).astype(np.uint8)
        _variants[key] = tuple(cv2.imencode('.png', p)[1].tobytes() for p in (mask, saliency))
    return _variants[key]


def start(
    folder: Path, processes: int, records: Path | None = None, stop: int = 0, names: tuple[str, ...] = ()
) -> subprocess.Popen:
    """A scoring process."""
    argument = json.dumps([str(folder), processes, str(records) if records else None, stop, names])
    return subprocess.Popen(
        [sys.executable, '-c', CHILD, argument], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def measure(*arguments: object, **options: object) -> dict:
    """What a scoring process reports."""
    out, _ = start(*arguments, **options).communicate()
    return json.loads(out.splitlines()[-1])


def compare_processes(folder: Path, rounds: int) -> bool:
    """Two processes against one, in turn; the best of each."""
    best = {1: float('inf'), 2: float('inf')}
    cpu = dict(best)
    metrics = {}
    for _ in range(rounds):
        for processes in best:
            run = measure(folder, processes)
            metrics[processes] = run['metrics']
            best[processes] = min(best[processes], run['seconds'])
            cpu[processes] = min(cpu[processes], run['cpu'])
    equal = json.dumps(metrics[1]) == json.dumps(metrics[2])
    speedup = best[1] / best[2]
    print(f'metrics of two processes equal those of one, bit for bit: {equal}')
    print(f'one process {best[1]:.2f} s, two {best[2]:.2f} s: {speedup:.2f} times as fast (required {SPEED_BAR})')
    print(
        f'CPU time: one process {cpu[1]:.2f} s, two {cpu[2]:.2f} s; load {os.getloadavg()[0]:.1f} on '
        f'{os.cpu_count()} cores (with more load than cores the ratio says nothing)'
    )
    return equal and speedup >= SPEED_BAR


def check_scale(folder: Path, number: int, records: Path) -> bool:
    """Memory and first progress of many maps; a kill in the middle and what follows."""
    few = measure(folder, 2, names=tuple(f'{k:03d}' for k in range(max(1, number // 10000))))
    whole = measure(folder, 2)
    print(
        f'{few["images"]} maps: peak {few["peak"] / 2**20:.0f} MiB; {whole["images"]} maps: peak '
        f'{whole["peak"] / 2**20:.0f} MiB in {whole["seconds"]:.1f} s'
    )
    print(f'first progress after {whole["first"]:.2f} s, imports included (required {FIRST_BAR})')
    child = start(folder, 2, records, stop=number // 2)
    child.stdout.readline()
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    began = time.perf_counter()
    resumed = measure(folder, 2, records)
    units = next(records.glob('*.jsonl')).read_bytes().count(b'"key": ')
    print(
        f'killed at {number // 2} maps; resumed in {time.perf_counter() - began:.1f} s: {resumed["scored"]} units '
        f'scored, {units} records of {whole["scored"]} units'
    )
    equal = json.dumps(resumed['metrics']) == json.dumps(whole['metrics'])
    print(f'metrics of the resumed run equal those of the whole one, bit for bit: {equal}')
    flat = whole['peak'] - few['peak'] <= MEMORY_BAR
    once = units == whole['scored'] and resumed['scored'] <= 0.55 * whole['scored']
    return flat and whole['first'] <= FIRST_BAR and once and equal


def main() -> int:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--maps', type=int, default=20000, help='small maps, 64 x 64')
    parser.add_argument('--images', type=int, default=240, help='maps of 480 x 640')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--folder', help='where to draw; a temporary folder by default')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(args.folder or temporary)
        fast = compare_processes(draw(root / 'large', args.images, 480, 640), args.rounds)
        scaled = check_scale(draw(root / 'small', args.maps, 64, 64), args.maps, Path(temporary) / 'records')
    print('all bars met' if fast and scaled else 'a bar was missed')
    return 0 if fast and scaled else 1


if __name__ == '__main__':
    sys.exit(main())
