"""Time until a data set of a million listed frames gives its first item, and what it keeps in memory."""

import argparse
import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path

from salseg.datasets import ListedDataset


def main() -> int:
    """Write a list, open it, read at both ends; no image exists, for none is opened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'frames.txt'
        with open(path, 'w', encoding='utf-8') as file:
            for number in range(args.frames):
                video, frame = divmod(number, 100)
                file.write(f'JPEGImages/{video:06d}/{frame:05d}.jpg\tAnnotations/{video:06d}/{frame:05d}.png\n')
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        data = ListedDataset(folder, 'frames.txt')
        ends = data.describe(0)['set_id'], data.describe(len(data) - 1)['set_id']
        opened = time.perf_counter() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        copy = pickle.dumps(data)
        video, frame = divmod(args.frames - 1, 100)
        expected = 'JPEGImages/000000/00000', f'JPEGImages/{video:06d}/{frame:05d}'
        if len(data) != args.frames or ends != expected:
            sys.stderr.write(f'{len(data)} items, {ends}; expected {args.frames}, {expected}\n')
            return 1
        print(
            f'{args.frames:,} frames: first item after {opened:.2f} s, {grown:.0f} MB more, '
            f'{len(copy) / 1e6:.0f} MB to a worker'
        )
    return 0


if __name__ == '__main__':
    sys.exit(main())
