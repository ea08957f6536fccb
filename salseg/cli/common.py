"""Arguments that several commands shard, and what they print while they work."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator

# Seconds between two lines where no terminal is looked at.
_EVERY = 15.0


def add_model(parser: argparse.ArgumentParser) -> None:
    """MODEL."""
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='name (see `salseg list`), config file, folder of a run, or published weights (see `salseg weights list`)',
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """--cfg-options, --trust."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config, e.g. model.losses.lsc.weight=0',
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help="let the config of a run's folder import modules that did not come with salseg, which runs their code",
    )


def add_protocols(parser: argparse.ArgumentParser, default: str) -> None:
    """``--protocol`` and ``--columns``, which `salseg test` and `salseg evaluate` have alike."""
    parser.add_argument(
        '--protocol',
        metavar='NAME[,NAME]',
        help='what is counted and how, a table each; salseg evaluate --list-protocols shows them',
    )
    parser.add_argument(
        '--columns',
        metavar='NAME[,NAME]',
        help=f'metrics of the tables, e.g. max_f,mae, or all; default: {default}',
    )


def names_of(text: str | None) -> tuple[str, ...]:
    """Names between the commas of an option; none where it was not given."""
    return tuple(name.strip() for name in (text or '').split(',') if name.strip())


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """--launcher, and the rank that torchrun's predecessors pass."""
    parser.add_argument(
        '--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none', help='what started the processes'
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--checkpoint, --random-weights, --device."""
    parser.add_argument(
        '--checkpoint',
        metavar='FILE',
        help="weights, a file or published ones by name (xmem@official); by default the newest of a run's folder",
    )
    parser.add_argument('--random-weights', action='store_true', help='run a model without trained weights')
    parser.add_argument('--device', help='for example cuda:0 or cpu; a GPU where there is one by default')


def say(text: str, stderr: bool = False) -> None:
    """Print a line for the user."""
    stream = sys.stderr if stderr else sys.stdout
    stream.write(text + '\n')
    stream.flush()


Update = Callable[[int, int | None], None]


@contextlib.contextmanager
def progress_bar(what: str, unit: str = '') -> Iterator[Update]:
    """What is done, how fast, and the time that is left; gives the function to call with (done, total).

    A bar on a terminal; elsewhere, as in a log, a line every quarter of a minute and one at the end.

    Args:
        what: Before the bar.
        unit: What is counted, for the throughput; without it none is shown.
    """
    if not sys.stdout.isatty():
        lines = ProgressLines(what, unit)
        yield lines
        lines.end()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = [TextColumn('{task.fields[rate]}')] if unit else []
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), *rate, TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(what, total=None, rate='')

        def update(done: int, total: int | None) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, rate=f'{speed:.1f} {unit}/s' if speed else '')

        yield update


@contextlib.contextmanager
def plain_bar(what: str, stderr: bool = False) -> Iterator[Callable[[int, int], None]]:
    """What is done and the time that is left; gives the function to call with (done, total).

    A bar on a terminal; elsewhere, as in a log, a line every quarter of a minute.

    Args:
        what: Before the bar.
        stderr: Draw on standard error, so that standard output holds the result alone.
    """
    if not (sys.stderr if stderr else sys.stdout).isatty():
        yield ProgressLines(what, '', stderr=stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=stderr)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class ProgressLines:
    """Progress as lines of a log.

    Args:
        what: Before the numbers.
        unit: What is counted.
        every: Seconds between two lines.
        clock: Seconds that passed.
        stderr: Print on standard error.
    """

    def __init__(
        self,
        what: str,
        unit: str,
        every: float = _EVERY,
        clock: Callable[[], float] = time.monotonic,
        stderr: bool = False,
    ) -> None:
        self.what, self.unit, self.every, self.clock, self.stderr = what, unit, every, clock, stderr
        self.started = self.shown = clock()
        self.first: int | None = None
        self.last: tuple[int, int | None] | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Note how far it is; print if it is time."""
        # A resumed run begins above 0, and its speed is that of its own work.
        self.first = done - 1 if self.first is None else self.first
        self.last = done, total
        if self.clock() - self.shown >= self.every:
            self.show()

    def show(self) -> None:
        """Print a line."""
        if self.last is None:
            return
        done, total = self.last
        now = self.clock()
        self.shown = now
        speed = (done - (self.first or 0)) / max(now - self.started, 1e-9)
        text = f'{self.what}: {done}' + (f' of {total}' if total is not None else '')
        if self.unit:
            text += f', {speed:.1f} {self.unit}/s'
        if total is not None and total > done and speed:
            text += f', {_clock((total - done) / speed)} left'
        say(text, self.stderr)

    def end(self) -> None:
        """Print the last line."""
        self.show()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02d}:{rest:02d}'


@contextlib.contextmanager
def no_progress() -> Iterator[None]:
    """Of a process that is not the first of those that were launched together."""
    yield None
