"""Arguments that several commands share."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator


def add_model(parser: argparse.ArgumentParser) -> None:
    """MODEL."""
    parser.add_argument('model', metavar='MODEL', help='name (see `salseg list`), config file, or folder of a run')


def add_options(parser: argparse.ArgumentParser) -> None:
    """--cfg-options."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config, e.g. model.losses.lsc.weight=0',
    )


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """--launcher, and the rank that torchrun's predecessors pass."""
    parser.add_argument(
        '--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none', help='what started the processes'
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0, help=argparse.SUPPRESS)


def add_weights(parser: argparse.ArgumentParser) -> None:
    """--checkpoint, --random-weights, --device."""
    parser.add_argument('--checkpoint', metavar='FILE', help="weights; by default the newest of a run's folder")
    parser.add_argument('--random-weights', action='store_true', help='run a model without trained weights')
    parser.add_argument('--device', help='for example cuda:0 or cpu; a GPU where there is one by default')


def say(text: str) -> None:
    """Print a line for the user."""
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar with counts and remaining time; gives the function to call with (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
