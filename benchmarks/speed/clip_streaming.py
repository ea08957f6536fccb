"""Memory of `salseg predict` along a long video.

    python benchmarks/speed/clip_streaming.py [--frames 2000]

The command itself, in this process, on a folder of small frames and with rcrnet-ner-lite: maps and an overlay video of
2,000 frames are written. The process' memory is read from the kernel after every hundredth frame; from frame 500 on it
may grow by 10 MB. Frames beyond those of a short drawn video are links to it. Exits with 1 if the bar is missed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from measure import resident_mb

from salseg.apis import clip_files
from salseg.cli.main import main as salseg
from salseg.datasets.synthetic import draw_video

GROWTH_MB = 10.0
DRAWN = 50


def write_frames(folder: Path, count: int, size: int) -> None:
    """A video of ``count`` frames that goes back and forth."""
    video = draw_video(0, 'streaming', 0, length=DRAWN, size=size)
    for t, frame in enumerate(video):
        cv2.imwrite(str(folder / f'.drawn{t}.png'), np.ascontiguousarray(frame.image[..., ::-1]))
    for number in range(count):
        place = number % (2 * DRAWN)
        (folder / f'{number:06d}.png').symlink_to(f'.drawn{min(place, 2 * DRAWN - 1 - place)}.png')


def watched(count: int, every: int) -> tuple[dict[int, float], object]:
    """Readings by frame, and the patch that takes them where the command saves a frame."""
    readings: dict[int, float] = {}
    save, done = clip_files._Run._save, [0]

    def saved(*args: object) -> None:
        save(*args)
        done[0] += 1
        if done[0] % every == 0 or done[0] == count:
            readings[done[0]] = resident_mb()

    return readings, mock.patch.object(clip_files._Run, '_save', saved)


def main() -> int:
    """Print memory along the video; 0 if the bar holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=2000)
    parser.add_argument('--start', type=int, default=500, help='frame from which growth counts')
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--model', default='rcrnet-ner-lite')
    args = parser.parse_args()
    every = max(1, min(100, args.start))
    readings, patch = watched(args.frames, every)
    with tempfile.TemporaryDirectory() as folder:
        frames, out = Path(folder) / 'frames', Path(folder) / 'out'
        frames.mkdir()
        write_frames(frames, args.frames, args.size)
        size = f'test_dataloader.dataset.pipeline.2.size={args.size}'
        command = ['predict', args.model, str(frames), '--out', str(out), '--random-weights', '--cfg-options', size]
        started = time.monotonic()
        with patch:
            status = salseg(command)
        written = len(list((out / 'mask').glob('*.png')))
    if status or written != args.frames:
        print(f'salseg {" ".join(command)}: status {status}, {written} of {args.frames} maps', file=sys.stderr)
        return 1
    for number, value in readings.items():
        print(f'frame {number:6d}: {value:8.1f} MB')
    last = [value for number, value in readings.items() if number >= args.start]
    growth, top = last[-1] - last[0], max(last) - last[0]
    seconds = time.monotonic() - started
    print(f'{args.frames} frames in {seconds:.0f} s; from frame {args.start}: {growth:+.1f} MB, at most {top:+.1f} MB')
    return 0 if top <= GROWTH_MB else 1


if __name__ == '__main__':
    sys.exit(main())
