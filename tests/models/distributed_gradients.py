"""Gradients of one step in float64 with frozen batch statistics; a helper process of test_distributed.

Usage: distributed_gradients.py CONFIG OUT. Four images in all, dealt to however many processes there are.
"""

import os
import sys

import torch
import torch.distributed as dist
from mmengine.dataset import pseudo_collate
from torch.nn.parallel import DistributedDataParallel

torch.set_num_threads(1)

from salseg.engine.config import load_config
from salseg.registry import DATASETS, MODELS

COUNT = 4


def main(path: str, out: str) -> None:
    ranks = int(os.environ.get('WORLD_SIZE', 1))
    rank = int(os.environ.get('RANK', 0))
    if ranks > 1:
        dist.init_process_group('gloo')
    config = load_config(path, {'model.norm_eval': True})
    torch.manual_seed(0)
    model = MODELS.build(config.model).double().train()
    dataset = DATASETS.build({**config.train_dataloader.dataset, 'seed': 0})
    fraction = COUNT // ranks
    items = [dataset[i] for i in range(rank * fraction, (rank + 1) * fraction)]
    wrapped = DistributedDataParallel(model) if ranks > 1 else model
    data = model.data_preprocessor(pseudo_collate(items), True)
    data['inputs'].frames = data['inputs'].frames.double()
    sum(wrapped(**data, mode='loss').values()).backward()
    if rank == 0:
        torch.save({name: p.grad for name, p in model.named_parameters()}, out)
    if ranks > 1:
        dist.destroy_process_group()


if __name__ == '__main__':
    main(*sys.argv[1:])
