"""Every command that writes, with files that may not grow beyond a limit and on disks that are too small.

    PYTHONPATH=. python benchmarks/reliability/full_disk.py [COMMAND ...] [--sizes 12] [--disks 4] [--out DIR]

Each command runs whole once. Then it runs in other folders where no file may be larger than a limit (RLIMIT_FSIZE): none, one
byte, and sizes around those of the files that the whole run wrote. `--disks` does the same on file systems in memory that
hold a fraction of what the whole run wrote (Linux, root). After each such run the command is repeated without the limit.

It must end with status 2, or 1 where single items failed, with one sentence that names the file or the disk and without a
traceback; or with status 0 where everything fitted. Every file with its final name must be that of the whole run, nothing
temporary may remain, and the repeat must bring the whole run's results. The status is 1 where something is wrong.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import kill_storm
from kill_storm import command, compare, end_all, finish, fork, look_for_litter, run_whole, status_of

from salseg.engine.checkpoint import load_file
from salseg.errors import SalsegError
from tests.benchmarks.storm_scenes import SCENES, Scene, make_data

# What the system says of a file that is too large, and of a full disk.
TROUBLE = ('file too large', 'no space', 'not whole')
BLOCK = 4096


@dataclass
class Row(kill_storm.Row):
    """What was seen of a command: how its limited runs ended."""

    ends: Counter[int] = field(default_factory=Counter)

    def line(self) -> str:
        """The row of the table."""
        ends = ', '.join(f'{count} x {status}' for status, count in sorted(self.ends.items()))
        wrong = '; '.join(dict.fromkeys(self.wrong)) or 'no'
        return f'| {self.scene.name} | {self.ends.total()} | {ends} | {wrong} |'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, limit, repeat, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scenes = {scene.name: scene for scene in SCENES if scene.victim == 'command'}
    parser.add_argument('commands', nargs='*', metavar='COMMAND', help=f'of {", ".join(scenes)}; all by default')
    parser.add_argument('--sizes', type=int, default=12, metavar='N', help='limits of a file for each command (12)')
    parser.add_argument('--disks', type=int, default=4, metavar='N', help='sizes of a disk for each command (4)')
    parser.add_argument('--out', type=Path, metavar='DIR', help='an empty folder, kept; a temporary one by default')
    args = parser.parse_args(arguments)
    unknown = sorted(set(args.commands) - set(scenes))
    if unknown:
        parser.error(f'no command is called {unknown[0]}; there are {", ".join(scenes)}')
    disks = args.disks if args.disks and can_mount() else 0
    if disks < args.disks:
        print('no file system can be mounted here: without disks')
    print('| command | runs | ended with status | wrong |\n|---|---|---|---|', flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.commands or scenes:
            rows.append(limited(scenes[name], (args.out or Path(folder)) / name, args.sizes, disks))
            print(rows[-1].line(), flush=True)
    wrong = sum(bool(row.wrong) for row in rows)
    print(f'\n{sum(row.ends.total() for row in rows)} runs of {len(rows)} commands; {wrong} with something wrong')
    return 1 if wrong else 0


def limited(scene: Scene, folder: Path, sizes: int, disks: int) -> Row:
    """Run a command under all limits."""
    row = Row(scene)
    folder.mkdir(parents=True)
    data, whole, log = folder / 'data', folder / 'whole', folder / 'data.txt'
    finish(fork(lambda: make_data(scene, data), log), 0, log)
    run_whole(scene, data, whole)
    expected = scene.results(whole)
    written = [path.stat().st_size for path in whole.rglob('*') if path.is_file()]
    for limit in limits(written, sizes):
        out = folder / f'limit_{limit}'
        tried(row, expected, data, out, f'files of {limit} bytes', limit)
        shutil.rmtree(out, ignore_errors=True)
    total = sum(-(-size // BLOCK) * BLOCK for size in written)
    for number in range(disks):
        room = max(2 * BLOCK, total * (2 * number + 1) // (2 * disks))
        with disk(folder / f'disk_{number}', room) as place:
            tried(row, expected, data, place / 'out', f'a disk of {room} bytes', enlarge=4 * total)
    return row


def limits(written: Sequence[int], count: int) -> list[int]:
    """So many limits at most: 0, 1, and one byte less than files of many sizes."""
    found = sorted({size for size in written if size > 2})
    places = {round(step * (len(found) - 1) / max(1, count - 3)) for step in range(max(1, count - 2))}
    return [0, 1, *sorted(found[place] - 1 for place in places)]


def tried(
    row: Row, expected: dict[str, str], data: Path, out: Path, where: str, limit: int | None = None, enlarge: int = 0
) -> None:
    """Run a command where something does not fit, look at what it leaves, give it room, and repeat it."""
    before, log = len(row.wrong), out.with_suffix('.limited.txt') if limit is not None else data.parent / 'disk.txt'
    log.unlink(missing_ok=True)
    process = fork(lambda: spoken(log, limit, lambda: command(row.scene, data, out)), log)
    status = status_of(process)
    end_all(process, row, 'a limited run')
    row.ends[status] += 1
    said = log.read_text(encoding='utf-8', errors='replace')
    if status not in (0, 1, 2):
        row.wrong.append(f'status {status}: {said[-300:]!r}')
    elif status:
        if 'Traceback' in said:
            row.wrong.append(f'a traceback: {said[-300:]!r}')
        if not any(word in said.lower() for word in TROUBLE):
            row.wrong.append(f'status {status} without a reason: {said[-300:]!r}')
        if status == 2 and sum(line.startswith('salseg ') for line in said.splitlines()) != 1:
            row.wrong.append(f'not one sentence: {said[-300:]!r}')
    look_for_litter(row, out)
    if row.scene.pattern == 'steps':
        row.wrong += unreadable(out)
    else:
        found = row.scene.results(out) if out.exists() else {}
        half = sorted(name for name, digest in found.items() if expected.get(name) != digest)
        if half:
            row.wrong.append(f'{len(half)} files are not those of the whole run, the first {half[0]}')
    if enlarge:
        subprocess.run(['mount', '-o', f'remount,size={enlarge}', str(out.parent)], check=True)
    run_whole(row.scene, data, out, row)
    compare(row, expected, out)
    row.wrong[before:] = [f'{where}: {text}' for text in row.wrong[before:]]


def spoken(log: Path, limit: int | None, work: Callable[[], int]) -> int:
    """Do it with limited files. What it says goes through a process that has no limit."""
    if limit is not None:
        reading, writing = os.pipe()
        with log.open('ab') as file:
            subprocess.Popen(['cat'], stdin=reading, stdout=file)
        for stream in (1, 2):
            os.dup2(writing, stream)
        os.close(reading)
        os.close(writing)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    return work()


def unreadable(out: Path) -> list[str]:
    """What is wrong with the checkpoints of a training that ended early."""
    found = []
    for path in out.glob('*.pth'):
        try:
            load_file(path)
        except SalsegError as error:
            found.append(f'{path.name} cannot be read: {error}')
    last = out / 'last_checkpoint'
    if last.is_file() and not Path(last.read_text().strip()).is_file():
        found.append('last_checkpoint names no file')
    return found


def can_mount() -> bool:
    """Whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8192', 'tmpfs', folder], capture_output=True)
        if done.returncode == 0:
            subprocess.run(['umount', folder], check=True)
        return done.returncode == 0


@contextmanager
def disk(place: Path, room: int) -> Iterator[Path]:
    """A small file system in memory."""
    place.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={room}', 'tmpfs', str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(['umount', '-l', str(place)], check=True)


if __name__ == '__main__':
    sys.exit(main())
