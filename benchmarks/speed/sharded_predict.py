"""`salseg predict` under torchrun with two processes against one process, on one machine.

    python benchmarks/speed/sharded_predict.py [--images 1600] [--model salseg-demo] [--rounds 2]

Equality first: the folder that two processes fill must hold the same files, byte for byte, as that of one. Then the command
runs in turns with one process and with two, with one thread each; timed is the command inside a process, after Python and
libraries are loaded. Printed are images per second by the clock, which asks for an idle machine, and by processor time: that
of one process divided by the larger of the two. With --quick neither is judged, otherwise the script ends with status 1 where
the second is below 1.8.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

ASKED = 1.8


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, default=1600)
    parser.add_argument('--model', default='salseg-demo')
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--quick', action='store_true', help='few small images, one round; nothing is judged')
    parser.add_argument('--serve', nargs='+', help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.serve:
        return serve(*args.serve)
    images, rounds, size = (6, 1, (60, 80)) if args.quick else (args.images, args.rounds, (300, 400))
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, 'photos')
        write_images(photos, images, size)
        best: dict[int, tuple[float, float]] = {}
        for turn in range(rounds):
            for processes in (1, 2):
                out = Path(folder, f'{processes}-{turn}')
                found = run(args.model, photos, out, processes)
                best[processes] = tuple(map(min, found, best.get(processes, found)))
            if files(Path(folder, f'1-{turn}')) != files(Path(folder, f'2-{turn}')):
                print('two processes wrote other files than one', file=sys.stderr)
                return 1
    wall, spent = (best[1][k] / best[2][k] for k in (0, 1))
    print(f'{images} images, the same bytes; load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores')
    print('| processes | images/s by the clock | processor seconds of the busiest |\n|---|---|---|')
    for processes, (clock, busiest) in best.items():
        print(f'| {processes} | {images / clock:.2f} | {busiest:.2f} |')
    print(f'two against one: {wall:.2f} by the clock, {spent:.2f} by processor time (asked: {ASKED})')
    return 0 if args.quick or spent >= ASKED else 1


def write_images(folder: Path, count: int, size: tuple[int, int]) -> None:
    """JPEGs of drawn images."""
    from salseg.datasets.synthetic import draw_image

    folder.mkdir()
    for number in range(count):
        drawn = draw_image(0, 'folder', number, size).image
        cv2.imwrite(str(folder / f'{number:04d}.jpg'), np.ascontiguousarray(drawn[..., ::-1]))


def run(model: str, photos: Path, out: Path, processes: int) -> tuple[float, float]:
    """Seconds by the clock and by the processor of the process that needs most."""
    words = [sys.executable, '-m', 'torch.distributed.run', '--standalone', f'--nproc_per_node={processes}', __file__]
    times = out.parent / f'{out.name}.times'
    times.mkdir()
    ended = subprocess.run(
        [*words, '--serve', model, str(photos), str(out), str(times)],
        env={**os.environ, 'OMP_NUM_THREADS': '1'}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise SystemExit(f'a process ended with {ended.returncode}:\n{ended.stderr[-2000:]}')
    found = [json.loads(path.read_text(encoding='utf-8')) for path in times.iterdir()]
    if len(found) != processes:
        raise SystemExit(f'{len(found)} of {processes} processes reported')
    return max(one[0] for one in found), max(one[1] for one in found)


def serve(model: str, photos: str, out: str, times: str) -> int:
    """One process of torchrun: the command, and what it took once libraries are loaded."""
    import torch

    from salseg import apis  # noqa: F401 - loaded before the clock starts
    from salseg.cli.main import main as command

    torch.set_num_threads(1)
    clock, spent = time.perf_counter(), time.process_time()
    status = command(['predict', model, photos, '--out', out, '--launcher', 'pytorch', '--save', 'mask'])
    found = time.perf_counter() - clock, time.process_time() - spent
    Path(times, os.environ['RANK']).write_text(json.dumps(found), encoding='utf-8')
    return status


def files(folder: Path) -> dict[str, bytes]:
    """Maps by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob('*.png'))}


if __name__ == '__main__':
    sys.exit(main())
