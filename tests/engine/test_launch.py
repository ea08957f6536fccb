"""Process groups as Slurm and MPI describe them."""

import os
import socket

import pytest
import torch
import torch.distributed as dist

from salseg.engine.launch import init_processes
from salseg.errors import ConfigError

SLURM = dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_LOCALID='0', SLURM_NODELIST='node[1-2]')
MPI = dict(OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='1', OMPI_COMM_WORLD_LOCAL_RANK='0')
KEYS = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture()
def environment(monkeypatch):
    """An environment of nothing but what a launcher sets, put back in the end."""
    for name in (*KEYS, *SLURM, *MPI):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    yield monkeypatch
    if dist.is_initialized():
        dist.destroy_process_group()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


@pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU mmengine makes the group')
def test_slurm_is_asked_for_its_first_host(environment, tmp_path):
    tool = tmp_path / 'scontrol'
    tool.write_text('#!/bin/sh\n[ "$3" = "node[1-2]" ] && printf "127.0.0.1\\nnode2\\n"\n')
    tool.chmod(0o755)
    environment.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    for name, value in (*SLURM.items(), ('MASTER_PORT', free_port())):
        environment.setenv(name, value)
    init_processes('slurm')
    assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, 'gloo')
    assert os.environ['MASTER_ADDR'] == '127.0.0.1'


@pytest.mark.skipif(torch.cuda.is_available(), reason='with a GPU mmengine makes the group')
def test_mpi_tells_rank_and_size(environment):
    for name, value in (*MPI.items(), ('MASTER_PORT', free_port())):
        environment.setenv(name, value)
    init_processes('mpi')
    assert (dist.get_rank(), dist.get_world_size()) == (0, 1)
    assert os.environ['LOCAL_RANK'] == '0'


@pytest.mark.parametrize(
    ('launcher', 'missing', 'starter'),
    [('pytorch', 'RANK', 'torchrun'), ('slurm', 'SLURM_PROCID', 'srun'), ('mpi', 'OMPI_COMM_WORLD_RANK', 'mpirun')],
)
def test_a_launcher_that_did_not_start_this_process_is_said(launcher, missing, starter, environment):
    with pytest.raises(ConfigError, match=f'{missing} in the environment: start the command with {starter}'):
        init_processes(launcher)


def test_an_unknown_launcher_is_refused(environment):
    with pytest.raises(ConfigError, match='expected one of none, pytorch, slurm, mpi'):
        init_processes('horovod')
