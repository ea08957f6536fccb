"""Broken files for every reader: only errors of ours may leave it, and it may neither crash nor hang.

    PYTHONPATH=. python benchmarks/reliability/fuzz.py [READER ...] [--inputs 20000] [--seconds S] [--seed 0] [--keep DIR]

Half of the inputs are valid containers with hostile fields (sizes, counts, ids, types, names; checksums are right), the
others valid files with damaged bytes. They are read by child processes with a limit of memory and of time for each input, so a
crash and a hang count as escapes too. A row says how many inputs there were, how many the first parser took (an
image that opens, JSON that parses), how many were read, how many refused with a sentence, and what escaped; the first
escape of each kind is shown with the number that makes it again. The status is 1 where anything escaped.
"""

import argparse
import contextlib
import faulthandler
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

import salseg
from salseg.errors import SalsegError
from tests.benchmarks.fuzz_readers import READERS, Reader, damaged

# In every process that is forked from this one.
torch.set_num_threads(1)
# Seconds of computing, and of waiting, that an input may take, and bytes beside what the process has.
PATIENCE, LONGEST, MEMORY = 20.0, 200.0, 4 << 30
PACKAGE = f'{Path(salseg.__file__).parent}{os.sep}'
COUNTS = ('inputs', 'structured', 'parsed', 'read', 'refused', 'escaped')


@dataclass
class Found:
    """What was seen of a reader: numbers by name of `COUNTS`, and the first input of each kind of escape."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    escapes: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def escape(self, kind: str, number: int) -> None:
        """Count one."""
        self.escapes[kind] += 1
        self.first.setdefault(kind, number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the readers, print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [reader.name for reader in READERS]
    parser.add_argument('readers', nargs='*', metavar='READER', help=f'of {", ".join(names)}; all by default')
    parser.add_argument('--inputs', type=int, default=20000, metavar='N', help='for each reader (20000)')
    parser.add_argument('--seconds', type=float, metavar='S', help='end a reader after so many seconds')
    parser.add_argument('--seed', type=int, default=0, help='of the inputs (0)')
    parser.add_argument('--only', type=int, metavar='NUMBER', help='one input, in this process: its error is shown')
    parser.add_argument('--keep', type=Path, metavar='DIR', help='keep the first input of each kind of escape here')
    args = parser.parse_args(arguments)
    unknown = sorted(set(args.readers) - set(names))
    if unknown:
        parser.error(f'no reader is called {unknown[0]}; there are {", ".join(names)}')
    print(
        '| reader | inputs | structured | first parser took | read | refused | escaped |\n|---|---|---|---|---|---|---|',
        flush=True,
    )
    escaped = 0
    for reader in READERS:
        if args.readers and reader.name not in args.readers:
            continue
        with tempfile.TemporaryDirectory() as folder:
            seeds = reader.make(Path(folder))
            if args.only is not None:
                show(reader, seeds, args.seed, args.only, Path(folder))
                continue
            found = fuzz(reader, seeds, args.inputs, args.seconds, args.seed, Path(folder))
        print(row(reader, found), flush=True)
        escaped += found.counts['escaped']
        for kind, number in found.first.items():
            print(f'  {kind} ({found.escapes[kind]} times; --only {number})', flush=True)
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                suffix, data, _ = make(reader, seeds, args.seed, number)
                (args.keep / f'{reader.name}_{number}{suffix}').write_bytes(data)
    return 1 if escaped else 0


def row(reader: Reader, found: Found) -> str:
    """A line of the table."""
    counts = found.counts
    share = [f'{counts[name]} ({100 * counts[name] // max(1, counts["inputs"])} %)' for name in COUNTS[1:5]]
    return f'| {reader.name} | {counts["inputs"]} | {" | ".join(share)} | {counts["escaped"]} |'


def make(reader: Reader, seeds: Sequence[tuple[str, bytes]], seed: int, number: int) -> tuple[str, bytes, bool]:
    """Suffix and bytes of an input, and whether it is a valid container."""
    draw = random.Random(f'{reader.name} {seed} {number}')
    suffix, data = seeds[draw.randrange(len(seeds))]
    structured = number % 2 == 0
    return (
        suffix,
        reader.spoil(draw, suffix, data) if structured else damaged(draw, data, [d for _, d in seeds]),
        structured,
    )


def show(reader: Reader, seeds: Sequence[tuple[str, bytes]], seed: int, number: int, folder: Path) -> None:
    """Read one input in this process."""
    suffix, data, _ = make(reader, seeds, seed, number)
    path = place(folder, suffix)
    path.write_bytes(data)
    try:
        reader.read(path)
        print(f'{reader.name} {number}: read')
    except SalsegError as error:
        print(f'{reader.name} {number}: {type(error).__name__}: {error}')


def place(folder: Path, suffix: str) -> Path:
    """A file in an empty folder."""
    target = folder / 'tried'
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return target / f'input{suffix}'


def fuzz(
    reader: Reader, seeds: Sequence[tuple[str, bytes]], inputs: int, seconds: float | None, seed: int, folder: Path
) -> Found:
    """Let child processes read the inputs; one that dies is followed by another, behind the input that killed it."""
    found, started = Found(), time.monotonic()
    shared = mmap.mmap(-1, 8 * (1 + len(COUNTS)))
    notes = folder / 'escapes.txt'
    notes.touch()
    number = 0
    while number < inputs and (seconds is None or time.monotonic() - started < seconds):
        left = None if seconds is None else seconds - (time.monotonic() - started)
        child = os.fork()
        if child == 0:
            try:
                work(reader, seeds, range(number, inputs), left, seed, folder, shared)
                os._exit(0)
            except BaseException:  # noqa: BLE001 (what a reader's own handler did not stop: as a crash)
                os._exit(70)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        number = struct.unpack_from('<q', shared, 0)[0]
        if status:
            kind = 'hang' if status in (-signal.SIGALRM, -signal.SIGPROF) else f'ended by {status}'
            found.escape(kind, number)
            add(shared, 'escaped')
            number += 1
    for line in notes.read_text(encoding='utf-8', errors='replace').splitlines():
        where, _, kind = line.partition(' ')
        found.escape(kind, int(where))
    found.counts = {name: struct.unpack_from('<q', shared, 8 * (i + 1))[0] for i, name in enumerate(COUNTS)}
    return found


def add(shared: mmap.mmap, name: str) -> None:
    """Count."""
    at = 8 * (1 + COUNTS.index(name))
    struct.pack_into('<q', shared, at, struct.unpack_from('<q', shared, at)[0] + 1)


def work(
    reader: Reader,
    seeds: Sequence[tuple[str, bytes]],
    numbers: range,
    seconds: float | None,
    seed: int,
    folder: Path,
    shared: mmap.mmap,
) -> None:
    """Read inputs until one of them kills this process."""
    # Decoders talk to the terminal.
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    used = int(Path('/proc/self/statm').read_text().split()[0]) * os.sysconf('SC_PAGE_SIZE')
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Of the processor, as the machine may be busy; and a far longer time for what only waits.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    warnings.simplefilter('ignore')
    faulthandler.disable()
    until = None if seconds is None else time.monotonic() + seconds
    for number in numbers:
        struct.pack_into('<q', shared, 0, number)
        if until is not None and time.monotonic() > until:
            return
        suffix, data, structured = make(reader, seeds, seed, number)
        path = place(folder, suffix)
        path.write_bytes(data)
        add(shared, 'inputs')
        if structured:
            add(shared, 'structured')
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        with contextlib.suppress(Exception):
            reader.first(data)
            add(shared, 'parsed')
        try:
            reader.read(path)
            add(shared, 'read')
        except SalsegError:
            add(shared, 'refused')
        except BaseException as error:  # noqa: BLE001 (that is what is looked for)
            add(shared, 'escaped')
            kind = f'{type(error).__name__} at {source(error)}: {str(error)[:120]}'.replace('\n', ' ')
            with open(folder / 'escapes.txt', 'a', encoding='utf-8', errors='replace') as notes:
                notes.write(f'{number} {kind}\n')
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    struct.pack_into('<q', shared, 0, numbers.stop)


def source(error: BaseException) -> str:
    """The innermost line of ours."""
    trace, found = error.__traceback__, ''
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        # By the package's own folder: a clone of the repository is called salseg too.
        if name.startswith(PACKAGE):
            found = f'{name.removeprefix(PACKAGE)}:{trace.tb_lineno}'
        trace = trace.tb_next
    return found


if __name__ == '__main__':
    sys.exit(main())
