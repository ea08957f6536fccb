"""Which shard of the work a process does."""

import os

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
