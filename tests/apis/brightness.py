"""A model that is fast and whose maps are known: how bright a pixel is, times a weight."""

import numpy as np
import torch
from mmengine.config import ConfigDict
from PIL import Image
from torch import nn

from salseg.models.segmentors import GroupSegmentor, SaliencySegmentor

PIPELINE = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=16),
    dict(type='PackFrames'),
]


class Brightness(nn.Module):
    """Counts the frames that it saw."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return [images.mean(1, keepdim=True) * self.gain]


class AgainstTheClip(nn.Module):
    """Relates frames: each against the mean of its window."""

    def forward(self, features):
        return [features[0] - features[0].mean(1, keepdim=True)], {}


class AsTheyAre(nn.Module):
    provides = ('logits',)

    def forward(self, features, size):
        return dict(logits=features[0])


def brightness_model(kind='image', gain=1.0):
    """Of images, groups or clips of four frames."""
    matcher = None if kind == 'image' else AgainstTheClip()
    parts = dict(backbone=Brightness(gain), head=AsTheyAre(), matcher=matcher)
    if kind == 'group':
        model = GroupSegmentor(**parts, frames_at_once=None).eval()
    else:
        model = SaliencySegmentor(**parts, input_type=kind).eval()
    model.weights_source = f'gain {gain}'
    dataset = {
        'image': dict(type='SyntheticImages', pipeline=PIPELINE),
        'group': dict(type='GroupDataset', pipeline=PIPELINE),
        'clip': dict(type='VideoSaliencyDataset', pipeline=PIPELINE, clips='all', length=4),
    }[kind]
    model.cfg = ConfigDict(test_dataloader=dict(dataset=dataset))
    return model


def photo(seed=0, size=(20, 28)):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def photos(folder, count):
    """Images 000.png and on."""
    return [save(folder / f'{number:03d}.png', photo(number)) for number in range(count)]


def contents(folder, suffix='.png'):
    """Bytes of all files of a kind by relative path; hidden and temporary ones show too."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob('*'))
        if p.name.endswith((suffix, '.tmp'))
    }
