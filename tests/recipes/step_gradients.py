"""Gradients of XMem's training steps in float64, by one process or by two that share the batch; helper of test_processes.

Usage: step_gradients.py OUT STEP...; writes OUT/<processes>-<step>.pth for 1 and 2 processes.
"""

import os
import socket
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)

import torch.distributed as dist
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub
from torch.nn.parallel import DistributedDataParallel

from salseg.datasets.sampling import ResumableBatchSampler, ResumableSampler
from salseg.engine.config import load_config
from salseg.engine.hooks import position_seed
from salseg.registry import DATASETS, MODELS
from tests.needs import ROOT

BATCH, LENGTH = 8, 5
CONFIG = ROOT / 'projects/xmem/configs/xmem_lite0_masks_synthetic-96.py'
# The schedule of the published training, on small clips.
CURRICULUM = dict(gaps=((0, 1), (0.1, 2), (0.3, 3), (0.9, 1)), total_draws=100000 * BATCH)


def build() -> tuple:
    """Model and data, the same in every process."""
    config = load_config(str(CONFIG))
    model = config.model.to_dict()
    for part in ('key_backbone', 'value_backbone'):
        model[part] |= dict(weights=None)
    model['losses']['ce'] |= dict(start=20000, end=70000, fraction=0.15)
    torch.manual_seed(0)
    node = config.train_dataloader.dataset.to_dict()
    sample = dict(type='SampleClip', length=LENGTH, **CURRICULUM)
    pipeline = [sample, *node['pipeline'][1:]]
    dataset = DATASETS.build({**node, 'length': 11, 'frames': 14, 'size': 48, 'pipeline': pipeline, 'seed': 0})
    return MODELS.build(model).double().train(), dataset


def step(model: torch.nn.Module, dataset: object, number: int, rank: int, processes: int) -> dict:
    """Gradients of a step, as the training loop takes it."""
    batches = ResumableBatchSampler(ResumableSampler(dataset, seed=0), BATCH, rank=rank, world_size=processes)
    items = [dataset[draw] for draw in batches.batch(number)]
    MessageHub.get_current_instance().update_info('iter', number)
    torch.manual_seed(position_seed(0, rank, number))
    data = model.data_preprocessor(pseudo_collate(items), True)
    data['inputs'].frames = data['inputs'].frames.double()
    wrapped = DistributedDataParallel(model) if processes > 1 else model
    model.zero_grad()
    sum(wrapped(**data, mode='loss').values()).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def run(out: str, numbers: list[int], rank: int = 0, processes: int = 1) -> None:
    """All steps in one process."""
    model, dataset = build()
    for number in numbers:
        found = step(model, dataset, number, rank, processes)
        if rank == 0:
            torch.save(found, Path(out) / f'{processes}-{number}.pth')


def main(out: str, *numbers: str) -> None:
    """One process, then two."""
    wanted = [int(number) for number in numbers]
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(probe.getsockname()[1]))
    children = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                dist.init_process_group('gloo', rank=rank, world_size=2)
                run(out, wanted, rank, 2)
                dist.destroy_process_group()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    run(out, wanted)
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(max(ended, key=abs))


if __name__ == '__main__':
    main(*sys.argv[1:])
