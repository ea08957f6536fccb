"""Small networks and videos that are followed in milliseconds."""

from tests.needs import needs_project

needs_project('npmca_net')
needs_project('xmem')


import numpy as np
import torch

from projects.npmca_net import NPMCANet
from projects.xmem import XMem
from salseg.propagation import Propagator

SIZE = (48, 64)


def xmem(top_k=30, seed=0, **options):
    torch.manual_seed(seed)
    backbone = dict(type='ResNet', depth=18)
    settings = dict(key_channels=8, value_channels=16, hidden_channels=8, decoder_channels=16, shorter_side=None)
    return XMem(
        key_backbone=dict(out_indices=(1, 2, 3), **backbone),
        value_backbone=dict(out_indices=(3,), **backbone),
        reader=dict(type='MemoryReader', top_k=top_k),
        **{**settings, **options},
    ).eval()


def npmca(seed=0, **options):
    torch.manual_seed(seed)
    settings = dict(matched_channels=16, decoder_channels=16, scales=(0.5, 1.0))
    return NPMCANet(backbone=dict(type='ResNet', depth=18, out_indices=(1, 2, 3)), **{**settings, **options}).eval()


MODELS = {'xmem': xmem, 'npmca': npmca}


def stream(model, **options):
    return Propagator(model, random_weights=True, **options)


def video(frames, size=SIZE, seed=0):
    """Noise of 8 x 8 patches, (frames, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (frames, -(-size[0] // 8), -(-size[1] // 8), 3), np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)[:, : size[0], : size[1]]


def square(top, left, side=16, size=SIZE):
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask
