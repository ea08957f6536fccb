"""Transforms of sets of frames."""

from salseg.datasets.transforms.base import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.crop import RandomCrop
from salseg.datasets.transforms.flip import RandomFlip
from salseg.datasets.transforms.loading import LoadFrames, LoadGroundTruth, LoadLabels
from salseg.datasets.transforms.pack import PackFrames
from salseg.datasets.transforms.photometric import RandomPhotometric
from salseg.datasets.transforms.resize import Resize

__all__ = [
    'FrameTransform',
    'LoadFrames',
    'LoadGroundTruth',
    'LoadLabels',
    'PackFrames',
    'RandomCrop',
    'RandomFlip',
    'RandomFrameTransform',
    'RandomPhotometric',
    'Resize',
]
