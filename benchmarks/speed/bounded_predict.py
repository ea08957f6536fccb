"""Ten thousand images, a long video, and a process that is killed: `salseg predict` in bounded memory, nothing lost.

    python benchmarks/speed/bounded_predict.py [--images 10000] [--frames 2000] [--models 100] [--kills 3] [--only PART ...]

`folder`: a folder of small JPEGs, with scwssod-lite. `stream`: as many arrays from a generator, with the same. `video`:
a file of 2,000 frames with rcrnet-ner-lite, maps and overlay. `models`: 100 predictors are made, used once and dropped,
of three systems in turn. Memory, open files and threads of the process are read from the kernel after every tenth; after the
first memory may grow by 10 MB, the others not at all. `kill`: the command is killed (SIGKILL) again and again while it writes,
and started again; then nothing may be missing, half, or written twice, and every byte must be that of an undisturbed run.
Weights are random, seeded. Exits with 1 if a bar is missed.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from measure import resident_mb, use_one_thread

from salseg.apis import ClipPredictor, GroupPredictor, SaliencyPredictor, init_model, predict_files, predict_video
from salseg.cli.main import main as salseg
from salseg.datasets.synthetic import draw_image
from salseg.engine.checkpoint import export_weights
from salseg.io.video_writing import VideoWriter

GROWTH_MB = 10.0
PARTS = ('folder', 'stream', 'video', 'models', 'kill')
DRAWN = 40
# What part `models` makes in turn.
MADE = (('scwssod-lite', SaliencyPredictor), ('dcfm-lite', GroupPredictor), ('rcrnet-ner-lite', ClipPredictor))


class Memory:
    """Readings at every tenth of some work."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.started = what, total, time.monotonic()
        self.readings: list[float] = []
        self.held: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int | None = None) -> None:
        """Read after every tenth."""
        if done * 10 // self.total > (done - 1) * 10 // self.total:
            self.readings.append(resident_mb())
            self.held.append((len(os.listdir('/proc/self/fd')), len(os.listdir('/proc/self/task'))))
            files_open, threads = self.held[-1]
            print(
                f'{self.what} {done:6d}: {self.readings[-1]:8.1f} MB, {files_open} files, {threads} threads', flush=True
            )

    def passed(self) -> bool:
        """Whether memory, open files and threads stayed flat from the first tenth on."""
        if len(self.readings) < 2:
            return False
        growth = max(self.readings) - self.readings[0]
        seconds = time.monotonic() - self.started
        # The least of some readings: a file may be open just then.
        early, late = (min(map(sum, some)) for some in (self.held[:3], self.held[-3:]))
        more = late - early
        print(
            f'{self.what}: {self.total} in {seconds:.0f} s; {growth:+.1f} MB at most after a tenth (<= {GROWTH_MB:g}), '
            f'{more:+d} files and threads'
        )
        return growth <= GROWTH_MB and more <= 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; 0 if all hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=10000)
    parser.add_argument('--frames', type=int, default=2000)
    parser.add_argument('--models', type=int, default=100)
    parser.add_argument('--size', type=int, default=64, help='side of images, frames and of the networks')
    parser.add_argument('--kills', type=int, default=3)
    parser.add_argument('--only', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument(
        '--quick', action='store_true', help='small numbers: it runs, and bars on memory are not judged'
    )
    args = parser.parse_args(arguments)
    if args.quick:
        args.images, args.frames, args.models, args.size, args.kills = 20, 20, 10, 32, 1
    use_one_thread()
    failed = []
    for part in args.only:
        with tempfile.TemporaryDirectory() as place:
            if not RUN[part](args, Path(place)) and not (args.quick and part != 'kill'):
                failed.append(part)
    print(f'missed: {", ".join(failed)}' if failed else 'all hold')
    return 1 if failed else 0


def lite(name: str, size: int) -> torch.nn.Module:
    """A lite model with seeded random weights for small images."""
    torch.manual_seed(0)
    backbone = 'model.backbone.backbone.weights' if name.startswith('rcrnet') else 'model.backbone.weights'
    return init_model(name, device='cpu', options={backbone: None, 'test_dataloader.dataset.pipeline.2.size': size})


def images(size: int) -> list[np.ndarray]:
    """A few drawn images (H, W, 3) uint8 that are shown again and again."""
    return [draw_image(0, 'bounded', number, size).image for number in range(DRAWN)]


def folder(args: argparse.Namespace, place: Path) -> bool:
    """A folder of many files."""
    predictor = SaliencyPredictor(lite('scwssod-lite', args.size), random_weights=True)
    drawn = [cv2.imencode('.jpg', image)[1].tobytes() for image in images(args.size)]
    (place / 'in').mkdir()
    for number in range(args.images):
        (place / f'in/{number:06d}.jpg').write_bytes(drawn[number % DRAWN])
    memory = Memory('folder', args.images)
    report = predict_files(predictor, [place / 'in'], place / 'out', progress=memory)
    whole = report.images == len(list((place / 'out').glob('*.png'))) == args.images and not report.failed
    print(f'folder: {report.images} of {args.images} maps written')
    return memory.passed() and whole


def stream(args: argparse.Namespace, place: Path) -> bool:
    """A generator of as many arrays."""
    predictor = SaliencyPredictor(lite('scwssod-lite', args.size), random_weights=True)
    drawn = images(args.size)

    def arrays() -> Iterator[np.ndarray]:
        for number in range(args.images):
            yield np.roll(drawn[number % DRAWN], number, axis=1)

    memory = Memory('stream', args.images)
    for done, prediction in enumerate(predictor.stream(arrays()), 1):
        if prediction.saliency.shape != (args.size, args.size):
            return False
        memory(done)
    return memory.passed() and done == args.images


def video(args: argparse.Namespace, place: Path) -> bool:
    """A long video file, frame by frame."""
    drawn = images(args.size)
    with VideoWriter(place / 'film.avi') as writer:
        for number in range(args.frames):
            writer.write(np.roll(drawn[number // 50 % DRAWN], number % 50, axis=1))
    predictor = ClipPredictor(lite('rcrnet-ner-lite', args.size), random_weights=True)
    memory = Memory('video', args.frames)
    count = predict_video(predictor, place / 'film.avi', place / 'out', progress=memory)
    return memory.passed() and count == args.frames == len(list((place / 'out/mask').iterdir()))


def models(args: argparse.Namespace, place: Path) -> bool:
    """Predictors that come and go."""
    frames = images(args.size)[:3]
    memory = Memory('models', args.models)
    for number in range(args.models):
        name, kind = MADE[number % len(MADE)]
        predictor = kind(lite(name, args.size), random_weights=True)
        shown = [('', frame) for frame in frames] if kind is ClipPredictor else frames
        if [prediction.saliency.shape for prediction in predictor(shown)] != [(args.size, args.size)] * len(frames):
            return False
        del predictor
        memory(number + 1)
    return memory.passed()


def kill(args: argparse.Namespace, place: Path) -> bool:
    """The command, killed while it writes, and resumed."""
    count = min(args.images, 60)
    export_weights(lite('scwssod-lite', args.size), place / 'weights.pth')
    (place / 'in').mkdir()
    for number, image in zip(range(count), images(args.size) * 2):
        cv2.imwrite(str(place / f'in/{number:03d}.jpg'), image)
    words = [str(place / 'in'), '--checkpoint', str(place / 'weights.pth'), '--device', 'cpu', '--save', 'mask,overlay']
    options = ['--cfg-options', f'test_dataloader.dataset.pipeline.2.size={args.size}']

    def command(out: Path) -> list[str]:
        return ['predict', 'scwssod-lite', *words, '--out', str(out), *options]

    salseg(command(place / 'whole'))
    kept: dict[str, int] = {}
    for number in range(args.kills):
        wanted = len(kept) + max(1, count // (2 * args.kills))
        kill_when(command(place / 'out'), lambda at_least=wanted: len(files(place / 'out')) >= at_least)
        now = files(place / 'out')
        print(f'kill {number + 1}: {len(now)} files there')
        if any(now.get(name) != stamp for name, stamp in kept.items()):
            print('a file was written twice')
            return False
        kept = now
    salseg(command(place / 'out'))
    last = files(place / 'out')
    twice = [name for name, stamp in kept.items() if last.get(name) != stamp]
    equal = all((place / 'out' / name).read_bytes() == (place / 'whole' / name).read_bytes() for name in last)
    missing = sorted(set(files(place / 'whole')) ^ set(last))
    left = list((place / 'out').rglob('.*.tmp'))
    print(
        f'kill: {len(last)} files, missing {len(missing)}, twice {len(twice)}, half {len(left)}, all bytes equal: {equal}'
    )
    return equal and not (missing or twice or left) and len(last) == 2 * count


def kill_when(words: Sequence[str], ready: Callable[[], bool]) -> None:
    """Run the command in a copy of this process, and kill that (SIGKILL) as soon as something is so."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        with open(os.devnull, 'w') as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
            os._exit(salseg(words))
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if ready():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return
        time.sleep(0.005)


def files(out: Path) -> dict[str, int]:
    """Time of every result by its relative path."""
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in out.rglob('*.png')} if out.exists() else {}


RUN = dict(zip(PARTS, (folder, stream, video, models, kill), strict=True))


if __name__ == '__main__':
    sys.exit(main())
