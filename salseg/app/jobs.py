"""One child process at a time that runs a command, with its progress; it survives a server that was killed.

What runs is written to ``salseg_app/job.json`` before it starts, its words to ``salseg_app/job.log``. Every command is
resumed when it is repeated, so a job that was stopped, by anybody, is the same words once more.
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

NOTE, LOG = 'job.json', 'job.log'
# Seconds that a command has to end by itself after it was interrupted.
_PATIENCE = 10.0
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
        self.job = self._noted()

    def start(self, job: Job, anew: bool = True) -> None:
        """Run a command.

        Args:
            job: What to run.
            anew: Begin a new log.

        Raises:
            Busy: One is running.
            DataError: It cannot be started, or noted.
        """
        with self.lock:
            running = self.now()
            if running is not None and running.state == 'running':
                raise Busy(f'{running.title} is running; wait for its end or stop it first.')
            self.workspace.make_own()
            log = self.workspace.own / LOG
            try:
                with open(log, 'wb' if anew else 'ab') as file:
                    # Of a group of its own, so that Ctrl-C in the server's terminal is handed on in one place only.
                    self.process = subprocess.Popen(
                        [*self.program, *job.words], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                        start_new_session=True,
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
        job.then = None
        for sent in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(job.pid, sent)
            except (ProcessLookupError, PermissionError):
                break
            if self._ends(job):
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
                # It ended while no server ran, with whatever status.
                job.state = 'stopped'
            return job

    def describe(self) -> dict[str, Any] | None:
        """The job for the page: words, state, progress, the end of its log."""
        job = self.now()
        if job is None:
            return None
        found = progress(job)
        return {**{k: v for k, v in asdict(job).items() if k not in ('began', 'pid')}, **found, 'log': self._tail()}

    def close(self) -> None:
        """The server ends: what runs is stopped and can be resumed."""
        self.stop()

    def _wait(self, process: subprocess.Popen, job: Job) -> None:
        status = process.wait()
        with self.lock:
            if self.job is not job or self.process is not process:
                return
            self.process = None
            if job.state == 'running':
                job.state = {0: 'done', -signal.SIGINT: 'stopped', 130: 'stopped'}.get(status, 'failed')
                self._note()
                if job.state == 'done' and job.then is not None:
                    self.start(Job(**job.then), anew=False)

    def _ends(self, job: Job) -> bool:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            process = self.process
            if process is not None and process.pid == job.pid:
                if process.poll() is not None:
                    return True
            elif not _alive(job):
                return True
            time.sleep(0.05)
        return False

    def _note(self) -> None:
        if self.job is None:
            return
        try:
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
        done = sum(1 for _ in out.rglob('*.png') if _.parent.name in ('mask', 'masks')) if out.is_dir() else 0
        spent = time.time() - job.seconds
        left = spent * (job.total - done) / done if job.state == 'running' and done and job.total > done else None
        return dict(done=done, left=left, losses=[])
    losses = read_losses(out)
    done = losses[-1][0] if losses else 0
    rates = [seconds for *_, seconds in losses[-10:] if seconds]
    left = (job.total - done) * sum(rates) / len(rates) if rates and job.state == 'running' else None
    return dict(done=done, left=left, losses=[(step, loss) for step, loss, _ in losses])


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
