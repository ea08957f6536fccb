"""Every command that can be repeated, killed at random moments, repeated, and compared with an undisturbed run.

    PYTHONPATH=. python benchmarks/reliability/kill_storm.py [COMMAND ...] [--kills 16] [--seed 0] [--out DIR]

Each command runs whole once. Then it is started again and again in other folders, and a signal ends it when so many of its
outputs (files, checkpoints, scored parts) are there, plus a random fraction of the time that one takes. Of ten moments nine
lie after the first output and before the last one; one lies anywhere from the start on. After up to three kills in a folder
the command is repeated to its end. Most signals are SIGKILL, every fifth is SIGINT, every fifth SIGTERM. 'worker' and 'rank'
kill a data worker, or one of two processes, in place of the command itself.

A row says where the kills were (outputs there, of all), how many lay in the middle, whether all results are those of the
undisturbed run, and what remained: processes after a kill, temporary files and held locks after the last repeat. The status
is 1 if a row has a difference or something remains.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from salseg.cli.main import main as salseg
from salseg.errors import SalsegError
from salseg.io.files import owning
from tests.benchmarks.storm_scenes import SCENES, Scene, make_data

# In every process that is forked from this one.
torch.set_num_threads(1)

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
# Kills in one folder before it is brought to its end.
CHAIN = 3
# Seconds in which a killed command and its processes have to be gone, and in which a command has to end.
GRACE, LIMIT = 20.0, 600.0
POLL = 0.002


@dataclass
class Row:
    """What was seen of a command.

    Attributes:
        moments: Outputs that were there at each kill, and the signal's name.
        total: Outputs of the undisturbed run.
        wrong: What was not as it should be, in words.
        missed: Runs that had ended before their moment came.
    """

    scene: Scene
    moments: list[tuple[int, str]] = field(default_factory=list)
    total: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: int = 0

    def middle(self) -> int:
        """Kills after the first output and before the last one."""
        return sum(0 < there < self.total for there, _ in self.moments)

    def line(self) -> str:
        """The row of the table."""
        places = ' '.join(f'{there}{"" if name == "SIGKILL" else name[3].lower()}' for there, name in self.moments)
        share = f'{self.middle()} ({100 * self.middle() // max(1, len(self.moments))} %)'
        cells = [
            self.scene.name,
            str(len(self.moments)),
            f'{places} of {self.total}',
            share,
            '; '.join(self.wrong) or 'no',
        ]
        return f'| {" | ".join(cells)} |'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [scene.name for scene in SCENES]
    parser.add_argument('commands', nargs='*', metavar='COMMAND', help=f'of {", ".join(names)}; all by default')
    parser.add_argument('--kills', type=int, default=16, metavar='N', help='of each command (16)')
    parser.add_argument('--seed', type=int, default=0, help='of the moments (0)')
    parser.add_argument('--out', type=Path, metavar='DIR', help='an empty folder, kept; a temporary one by default')
    args = parser.parse_args(arguments)
    unknown = sorted(set(args.commands) - set(names))
    if unknown:
        parser.error(f'no command is called {unknown[0]}; there are {", ".join(names)}')
    print('| command | kills | outputs there at each (i: SIGINT, t: SIGTERM) | in the middle | wrong or remaining |')
    print('|---|---|---|---|---|', flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for scene in SCENES:
            if not args.commands or scene.name in args.commands:
                rows.append(storm(scene, (args.out or Path(folder)) / scene.name, args.kills, args.seed))
                print(rows[-1].line(), flush=True)
    kills, middle = sum(len(row.moments) for row in rows), sum(row.middle() for row in rows)
    wrong = sum(bool(row.wrong) for row in rows)
    print(f'\n{kills} kills of {len(rows)} commands, {middle} in the middle; {wrong} commands with something wrong')
    return 1 if wrong else 0


def storm(scene: Scene, folder: Path, kills: int, seed: int) -> Row:
    """Kill a command so many times, in as many folders as it takes."""
    row, draw = Row(scene), random.Random(f'{seed} {scene.name}')
    folder.mkdir(parents=True)
    data = folder / 'data'
    finish(fork(lambda: make_data(scene, data), folder / 'data.txt'), 0, folder / 'data.txt')
    began = time.monotonic()
    run_whole(scene, data, folder / 'whole')
    seconds = time.monotonic() - began
    row.total = scene.progress(folder / 'whole')
    expected = scene.results(folder / 'whole')
    if not expected or not row.total:
        row.wrong.append('the undisturbed run left nothing')
        return row
    number = 0
    while len(row.moments) < kills and row.missed < 2 * kills:
        out = folder / f'killed_{number}'
        number += 1
        for _ in range(min(CHAIN, kills - len(row.moments))):
            if not kill_once(row, data, out, draw, seconds):
                break
        run_whole(scene, data, out, row)
        compare(row, expected, out)
        shutil.rmtree(out, ignore_errors=True)
    return row


def run_whole(scene: Scene, data: Path, out: Path, row: Row | None = None) -> None:
    """Run a command to its end; where a row is given, a failure is noted in it."""
    log = out.with_suffix('.txt')
    process = fork(lambda: command(scene, data, out), log)
    try:
        finish(process, 0, log)
    except RuntimeError as error:
        if row is None:
            raise
        row.wrong.append(str(error).replace('\n', ' ')[-400:])
    end_all(process, row, 'the last repeat')


def end_all(session: int, row: Row | None, after: str) -> None:
    """End what remains of a command's processes, and note it."""
    left = remaining(session)
    if left and row is not None:
        names = ', '.join(sorted({name_of(each) for each in left}))
        row.wrong.append(f'{len(left)} processes remain after {after}: {names}')
    for each in left:
        os.kill(each, signal.SIGKILL)


def kill_once(row: Row, data: Path, out: Path, draw: random.Random, seconds: float) -> bool:
    """One kill at a random moment; False where no moment is left in this folder, or the command was faster."""
    scene, there = row.scene, row.scene.progress(out)
    if there >= row.total - 1 and row.total > 1:
        return False
    early = draw.random() < 0.1 or row.total < 2
    target = there if early else draw.randint(there + 1, row.total - 1)
    delay = draw.random() * (seconds if early else seconds / row.total / 2)
    kind = signal.SIGKILL if scene.victim != 'command' else SIGNALS[len(row.moments) % len(SIGNALS)]
    log = out.with_suffix('.txt')
    process = fork(lambda: command(scene, data, out), log)
    began = time.monotonic()
    while scene.progress(out) < target and is_running(process) and time.monotonic() - began < LIMIT:
        time.sleep(POLL)
    ready = time.monotonic()
    while time.monotonic() - ready < delay and is_running(process):
        time.sleep(POLL)
    victims = [process] if scene.victim == 'command' else children_of(process, scene.victim)
    if not is_running(process) or not victims:
        wait(process, GRACE)
        row.missed += 1
        return False
    seen = scene.progress(out)
    for victim in victims[:1]:
        os.kill(victim, kind)
    if not wait(process, GRACE):
        row.wrong.append(f'still runs {GRACE:.0f} s after {kind.name}')
        os.killpg(process, signal.SIGKILL)
        wait(process, GRACE)
    end_all(process, row, f'{kind.name} at {seen}')
    row.moments.append((seen, kind.name))
    return True


def compare(row: Row, expected: dict[str, str], out: Path) -> None:
    """Note what is not as in the undisturbed run, and what remains in the folder."""
    found = row.scene.results(out)
    other = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if other:
        row.wrong.append(f'{len(other)} of {len(expected)} results differ, the first {other[0]}')
    look_for_litter(row, out)
    try:
        with owning(out if out.is_dir() else out.parent):
            pass
    except SalsegError as error:
        row.wrong.append(f'a lock is held: {error}')


def look_for_litter(row: Row, out: Path) -> None:
    """Note the temporary files that remain."""
    top = out if out.is_dir() else out.parent
    litter = [
        path
        for path in top.rglob('.*')
        if path.name.endswith('.tmp') or '.tmp.' in path.name or '.partial' in path.name
    ]
    if litter:
        row.wrong.append(f'{len(litter)} temporary files remain, the first {litter[0].name}')


def command(scene: Scene, data: Path, out: Path) -> int:
    """The command, in this process."""
    os.chdir(data)
    return scene.run(salseg, out)


def fork(work: Callable[[], int | None], log: Path) -> int:
    """A process of its own session that does it; nothing was computed before, so torch may be used in it."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(target, 1)
        os.dup2(target, 2)
        status = work() or 0
    except KeyboardInterrupt:
        status = 130
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 (whatever it is, the parent shows it)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


_ENDED: dict[int, int] = {}


def is_running(process: int) -> bool:
    """Whether a child still runs."""
    if process not in _ENDED:
        pid, status = os.waitpid(process, os.WNOHANG)
        if pid:
            _ENDED[process] = os.waitstatus_to_exitcode(status)
    return process not in _ENDED


def wait(process: int, seconds: float) -> bool:
    """Wait for a child; whether it ended in time."""
    until = time.monotonic() + seconds
    while is_running(process) and time.monotonic() < until:
        time.sleep(0.005)
    return not is_running(process)


def finish(process: int, status: int, log: Path) -> None:
    """Wait for a child.

    Raises:
        RuntimeError: It ended with another status, or not in time; with the end of what it said.
    """
    ended = status_of(process)
    if ended != status:
        said = log.read_text(encoding='utf-8', errors='replace')[-1500:]
        raise RuntimeError(f'status {ended}, expected {status}: {said}')


def status_of(process: int) -> int:
    """Wait for a child; its status.

    Raises:
        RuntimeError: It did not end in time.
    """
    if not wait(process, LIMIT):
        os.killpg(process, signal.SIGKILL)
        raise RuntimeError(f'not done after {LIMIT:.0f} s')
    return _ENDED[process]


def remaining(session: int) -> list[int]:
    """Processes of a session that are there after a moment in which those that see their parent's end may follow."""
    until = time.monotonic() + GRACE
    while (left := members(session)) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def members(session: int) -> list[int]:
    """Processes of a session but those that have ended and wait for nobody."""
    return [pid for pid, (state, _, own) in processes().items() if own == session and state != 'Z']


def name_of(process: int) -> str:
    """Name, state and where the kernel holds a process."""
    found = []
    for file in ('comm', 'wchan'):
        try:
            found.append(Path(f'/proc/{process}/{file}').read_text().strip())
        except OSError:
            found.append('gone')
    return ' in '.join(found)


def children_of(process: int, what: str) -> list[int]:
    """Data workers, or ranks: children of a process."""
    found = [pid for pid, (state, parent, _) in processes().items() if parent == process and state != 'Z']
    return found if what == 'rank' or len(found) > 1 else []


def processes() -> dict[int, tuple[str, int, int]]:
    """State, parent and session of all processes."""
    found = {}
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / 'stat').read_text().rpartition(')')[2].split()
            except OSError:
                continue
            found[int(entry.name)] = fields[0], int(fields[1]), int(fields[3])
    return found


if __name__ == '__main__':
    sys.exit(main())
