"""Memory and time of `salseg check-data` on many small images: first progress, resident memory, one thread and two."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from salseg.datasets.checking import Options, check_folder, report_values


def main() -> int:
    """Draw, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=20_000)
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), args.images, args.size)
        reports = [measure(folder, threads, args.images) for threads in args.threads]
    if any(report != reports[0] for report in reports):
        sys.stderr.write('reports differ between numbers of threads\n')
        return 1
    return 0


def draw(root: Path, count: int, size: int) -> None:
    """Smooth noise and one mask."""
    rng = np.random.default_rng(0)
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : -size // 4, size // 4 : -size // 4] = 255
    encoded = cv2.imencode('.png', mask)[1].tobytes()
    for name in ('image', 'mask'):
        (root / name).mkdir()
    for number in range(count):
        image = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
        (root / 'image' / f'{number:06d}.jpg').write_bytes(cv2.imencode('.jpg', image)[1].tobytes())
        (root / 'mask' / f'{number:06d}.png').write_bytes(encoded)


def measure(folder: str, threads: int, count: int) -> dict:
    """Check and print; the report as values."""
    begun, first, marks = time.perf_counter(), [], {}

    def show(done: int, total: int) -> None:
        if not first:
            first.append(time.perf_counter() - begun)
        if done in (1, total // 4, total // 2, total):
            marks[done] = resident()

    report = check_folder(folder, Options(threads=threads), show)
    taken = time.perf_counter() - begun
    shown = ', '.join(f'{megabytes} MB at {done}' for done, megabytes in marks.items())
    print(
        f'{threads} threads: {taken:.1f} s, {count / taken:.0f} pairs/s, first progress after {first[0]:.2f} s; {shown}'
    )
    return report_values(report)


def resident() -> int:
    """Memory of this process in MB: now where the system says it, else the largest so far."""
    status = Path('/proc/self/status')
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith('VmRSS'))
    return int(line.split()[1]) // 1024


if __name__ == '__main__':
    sys.exit(main())
