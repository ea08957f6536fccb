"""Process groups: NCCL on GPUs, Gloo on CPUs, whatever started the processes."""

import os
import subprocess

import torch
import torch.distributed as dist
from mmengine.dist import init_dist

from salseg.errors import ConfigError

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def init_processes(launcher: str) -> None:
    """Join the process group, once.

    Args:
        launcher: 'none', 'pytorch' (torchrun), 'slurm' or 'mpi'.

    Raises:
        ConfigError: The launcher is unknown, or its environment is not there.
    """
    if launcher not in LAUNCHERS:
        raise ConfigError(f'--launcher {launcher!r}; expected one of {", ".join(LAUNCHERS)}.')
    if launcher == 'none' or dist.is_initialized():
        return
    needed = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}[launcher]
    if needed not in os.environ:
        started = {'pytorch': 'torchrun', 'slurm': 'srun', 'mpi': 'mpirun'}[launcher]
        raise ConfigError(f'--launcher {launcher} needs {needed} in the environment: start the command with {started}.')
    if torch.cuda.is_available():
        init_dist(launcher, backend='nccl')
        return
    # mmengine sets a GPU for every process; on CPUs the group is made here, and the runner finds it.
    if launcher != 'pytorch':
        os.environ.update(_environment(launcher))
    dist.init_process_group('gloo')


def _environment(launcher: str) -> dict[str, str]:
    env = os.environ
    if launcher == 'mpi':
        names = dict(
            RANK='OMPI_COMM_WORLD_RANK', WORLD_SIZE='OMPI_COMM_WORLD_SIZE', LOCAL_RANK='OMPI_COMM_WORLD_LOCAL_RANK'
        )
        found = {key: env[name] for key, name in names.items()}
    else:
        names = dict(RANK='SLURM_PROCID', WORLD_SIZE='SLURM_NTASKS', LOCAL_RANK='SLURM_LOCALID')
        found = {key: env[name] for key, name in names.items()}
        if 'MASTER_ADDR' not in env:
            hosts = subprocess.run(
                ['scontrol', 'show', 'hostnames', env['SLURM_NODELIST']], capture_output=True, text=True, check=True
            )
            found['MASTER_ADDR'] = hosts.stdout.split()[0]
    found.setdefault('MASTER_ADDR', env.get('MASTER_ADDR', '127.0.0.1'))
    found.setdefault('MASTER_PORT', env.get('MASTER_PORT', '29500'))
    return found
