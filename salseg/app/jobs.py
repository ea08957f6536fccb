"""One child process at a time that runs a command, with its progress; it survives a server that was killed.

What runs is written to ``salseg_app/job.json`` before it starts, its words to ``salseg_app/job.log``. Every command is
resumed when it is repeated, so a job that was stopped, by anybody, is the same words once more. Its status goes to
``salseg_app/job.status``, so that a server that is opened later knows how it ended.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from salseg.app.workspace import Workspace
from salseg.errors import DataError
from salseg.io.files import write_text

NOTE, LOG, STATUS = 'job.json', 'job.log', 'job.status'
# The shell is interrupted with the command, waits for it, and says how it ended.
_SHELL = ('/bin/sh', '-c', 'trap : INT; "$@"; status=$?; echo "$$ $status" > "$0"; exit $status')
# Signals that end a command, and the seconds that each has: one that comes while the shell begins the command is lost.
_SIGNALS = ((signal.SIGINT, 1.5), (signal.SIGINT, 10.0), (signal.SIGKILL, 10.0))
# Seconds for the rest of a job to go after its shell.
_REAPED = 1.5
_NOTING = threading.Lock()
_TAIL = 6000


class Busy(DataError):
    """Another job is running."""


@dataclass
class Job:
    """A command and how far it is.

    Attributes:
        kind: 'train', 'predict', 'track', 'group' or 'evaluate'.
        words: The command after ``salseg``.
        title: For people.
        out: Folder of the results, absolute.
        total: Steps, images or frames, 0 where it is unknown.
        then: A job to start when this one has succeeded, as its fields.
        state: 'running', 'done', 'failed' or 'stopped'.
        pid, began: Of the process; the time tells it from another one that got its number.
        seconds: When it was started, of the clock.
    """

    kind: str
    words: list[str]
    title: str
    out: str
    total: int = 0
    then: dict[str, Any] | None = None
    state: str = 'running'
    pid: int = 0
    began: str = ''
    seconds: float = field(default_factory=time.time)


class Jobs:
    """The job of a folder.

    Args:
        workspace: The folder.
        program: What the words are given to.
    """

    def __init__(self, workspace: Workspace, program: Sequence[str] = (sys.executable, '-m', 'salseg')) -> None:
        self.workspace, self.program = workspace, list(program)
        self.lock = threading.RLock()
        self.process: subprocess.Popen | None = None
        # Why the end of the last job could not be noted, or what follows it not be started.
        self.fault = ''
        self.stopping: Job | None = None
        self.job = self._noted()
        if self.job is not None and self.job.state == 'running':
            # Of a server that was killed: it runs on, or ended meanwhile.
            threading.Thread(target=self._watch, args=(self.job,), daemon=True).start()

    def start(self, job: Job, anew: bool = True) -> None:
        """Run a command.

        Args:
            job: What to run.
            anew: Begin a new log.

        Raises:
            Busy: One is running.
            DataError: It cannot be started, or noted; or a link leads its results out of the folder.
        """
        with self.lock:
            for running in (self.now(), self._noted()):
                # The second one is of another server on the same folder.
                if running is not None and running.state == 'running' and (running is self.job or _alive(running)):
                    raise Busy(f'{running.title} is running; wait for its end or stop it first.')
            self.workspace.make_own()
            self.workspace.inside(job.out)
            log, status = self.workspace.own / LOG, self.workspace.own / STATUS
            self.fault, self.stopping = '', None
            try:
                status.unlink(missing_ok=True)
                with open(log, 'wb' if anew else 'ab') as file:
                    # Of a group of its own, so that Ctrl-C in the server's terminal is handed on in one place only.
                    self.process = subprocess.Popen(
                        [*_SHELL, str(status), *self.program, *job.words], stdin=subprocess.DEVNULL, stdout=file,
                        stderr=subprocess.STDOUT, start_new_session=True,
                    )  # fmt: skip
            except OSError as error:
                raise DataError(f'{job.title} cannot be started: {error}.') from error
            job.state, job.pid, job.began, job.seconds = (
                'running',
                self.process.pid,
                _began(self.process.pid),
                time.time(),
            )
            self.job = job
            try:
                self._note()
            except DataError:
                # Nobody would find it after a restart.
                self.stop()
                raise
            threading.Thread(target=self._wait, args=(self.process, job), daemon=True).start()

    def stop(self) -> None:
        """Interrupt what runs; what it has written stays, and `resume` continues from there."""
        job = self.now()
        if job is None or job.state != 'running':
            return
        # Should it come to its end just now, what follows it does not begin; a resumed one has it still.
        self.stopping = job
        for sent, patience in _SIGNALS:
            try:
                os.killpg(job.pid, sent)
            except (ProcessLookupError, PermissionError):
                break
            if self._ends(job, patience):
                break
        with self.lock:
            job.state = 'stopped'
            self._note()

    def resume(self) -> None:
        """Run the last command once more.

        Raises:
            DataError: There is none.
        """
        job = self.now()
        if job is None:
            raise DataError('there is nothing to resume.')
        words = job.words
        if job.kind == 'train' and '--resume' not in words:
            job.words = [*words, '--resume']
        self.start(job, anew=False)

    def now(self) -> Job | None:
        """The last job, with its state of now."""
        with self.lock:
            job = self.job
            if job is not None and job.state == 'running' and self.process is None and not _alive(job):
                self._ended(job, self._status(job))
            return self.job

    def describe(self) -> dict[str, Any] | None:
        """The job for the page: words, state, progress, the end of its log."""
        job = self.now()
        if job is None:
            return None
        found = progress(job)
        log = self._tail() + (f'\n{self.fault}\n' if self.fault else '')
        return {**{k: v for k, v in asdict(job).items() if k not in ('began', 'pid')}, **found, 'log': log}

    def close(self) -> None:
        """The server ends: what runs is stopped and can be resumed."""
        try:
            self.stop()
        except DataError:
            # The disk is full; it is found stopped all the same, since its process is gone.
            return

    def _wait(self, process: subprocess.Popen, job: Job) -> None:
        status = process.wait()
        with self.lock:
            if self.job is job and self.process is process:
                self.process = None
                self._ended(job, status)

    def _watch(self, job: Job) -> None:
        while _alive(job):
            time.sleep(0.3)
        if self.job is job:
            self.now()

    def _status(self, job: Job) -> int | None:
        """How a job ended that is no child of this server; None where nobody saw it, as after a loss of power."""
        try:
            pid, status = map(int, (self.workspace.own / STATUS).read_text(encoding='utf-8').split())
        except (OSError, ValueError):
            return None
        return status if pid == job.pid else None

    def _ended(self, job: Job, status: int | None) -> None:
        if job.state != 'running':
            return
        stopped = (None, -signal.SIGINT, 128 + signal.SIGINT)
        job.state = 'done' if status == 0 else 'stopped' if status in stopped else 'failed'
        noted = self._noted()
        if noted is not None and noted.pid != job.pid:
            # Another server on the folder has begun another one.
            self.job = noted
            return
        try:
            self._note()
            if job.state == 'done' and job.then is not None and job is not self.stopping:
                self.start(Job(**job.then), anew=False)
        except DataError as error:
            self.fault = str(error)

    def _ends(self, job: Job, patience: float) -> bool:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            process = self.process
            if process is not None and process.pid == job.pid:
                gone = process.poll() is not None
            else:
                gone = not _alive(job)
            if gone:
                # Its shell may be gone before the command that it began; what only waits to be reaped stays longer.
                if not _group_is_there(job.pid):
                    return True
                end = min(end, time.monotonic() + _REAPED)
            time.sleep(0.05)
        return False

    def _note(self) -> None:
        if self.job is None:
            return
        try:
            with _NOTING:
                write_text(self.workspace.own / NOTE, json.dumps(asdict(self.job), indent=1) + '\n')
        except OSError as error:
            raise DataError(f'{self.workspace.own / NOTE} cannot be written: {error}. Free some space.') from error

    def _noted(self) -> Job | None:
        try:
            return Job(**json.loads((self.workspace.own / NOTE).read_text(encoding='utf-8')))
        except (OSError, ValueError, TypeError):
            # No job yet, or a note that somebody edited: nothing of it can be trusted.
            return None

    def _tail(self) -> str:
        try:
            with open(self.workspace.own / LOG, 'rb') as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                return file.read().decode('utf-8', 'replace')
        except OSError:
            return ''


def progress(job: Job) -> dict[str, Any]:
    """How far a job is: ``done``, ``left`` in seconds or None, and of training the losses as (step, loss)."""
    out = Path(job.out)
    if job.kind != 'train':
        made = _masks(out, job.kind)
        # What an earlier run, or a correction, left as it was took no time now.
        new = sum(1 for time_ in made if time_ >= job.seconds)
        spent, rest = time.time() - job.seconds, job.total - len(made)
        known = job.state == 'running' and new and rest > 0 and '--backward' not in job.words
        return dict(done=len(made), left=spent * rest / new if known else None, losses=[])
    losses = read_losses(out)
    done = losses[-1][0] if losses else 0
    rates = [seconds for *_, seconds in losses[-10:] if seconds]
    left = (job.total - done) * sum(rates) / len(rates) if rates and job.state == 'running' else None
    return dict(done=done, left=left, losses=[(step, loss) for step, loss, _ in losses])


def _masks(out: Path, kind: str) -> list[float]:
    """Times of the masks that a command has written."""
    found = (out / 'masks').glob('*.png') if kind == 'track' else (out / 'mask').rglob('*.png')
    times = []
    for path in found:
        try:
            times.append(path.stat().st_mtime)
        except FileNotFoundError:
            # A correction removes what it makes anew.
            continue
    return times


def read_losses(folder: Path) -> list[tuple[int, float, float]]:
    """(step, loss, seconds a step) from the scalars that a run writes as it goes, those of resumed runs joined."""
    found: dict[int, tuple[int, float, float]] = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                entry = json.loads(line)
                step = int(entry['step'])
                found[step] = step, float(entry['loss']), float(entry.get('time', 0))
            except (ValueError, KeyError, TypeError):
                # A line of a validation, or one that is being written.
                continue
    return [found[step] for step in sorted(found)]


def _began(pid: int) -> str:
    """When a process was started, in ticks since the machine was; empty where that is not told."""
    try:
        return Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()[19]
    except (OSError, IndexError):
        return ''


def _group_is_there(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _alive(job: Job) -> bool:
    """Whether the process of a job that this server did not start is there, and the same."""
    try:
        os.kill(job.pid, 0)
    except (OSError, OverflowError):
        return False
    try:
        if Path(f'/proc/{job.pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()[0] == 'Z':
            return False
    except (OSError, IndexError):
        pass
    return job.pid > 0 and _began(job.pid) == job.began
