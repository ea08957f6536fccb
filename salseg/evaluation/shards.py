"""Which shard of the work a process does, and lists of names."""

import os
from pathlib import Path

from salseg.errors import DataError

# What each launcher tells a process: its number, and how many there are.
_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'torchrun'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'srun'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'mpirun'),
}


def launched_shard(launcher: str) -> tuple[int, int]:
    """Shard of a process that a launcher started: (k, n), counted from 0.

    No process group is joined: the shards meet in files.

    Raises:
        DataError: The launcher's environment is not there.
    """
    if launcher == 'none':
        return 0, 1
    rank, size, command = _VARIABLES[launcher]
    if rank not in os.environ or size not in os.environ:
        raise DataError(f'--launcher {launcher} needs {rank} and {size} in the environment: start with {command}.')
    return int(os.environ[rank]), int(os.environ[size])


def parse_shard(text: str) -> tuple[int, int]:
    """'2/4' as (1, 4).

    Raises:
        DataError: It is something else.
    """
    first, slash, number = text.partition('/')
    if not (slash and first.isdigit() and number.isdigit() and 1 <= int(first) <= int(number)):
        raise DataError(f'--shard {text!r}; expected K/N with K from 1 to N, for example 2/4.')
    return int(first) - 1, int(number)


def read_names(path: Path) -> list[str]:
    """Names of a list file, one per line; of the image-and-mask lines of DAVIS 2016 the sequence is taken.

    Raises:
        DataError: It cannot be read, or is empty.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'the list {path} cannot be read: {error}.') from error
    names = [_sequence(line) if line.startswith('/') else line.lstrip('*') for line in lines if line]
    if not names:
        raise DataError(f'the list {path} is empty; expected one name per line.')
    return list(dict.fromkeys(names))


def _sequence(line: str) -> str:
    return Path(line.split()[0]).parent.name
