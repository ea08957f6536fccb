"""Transforms of sets of frames."""

from salseg.datasets.transforms.antialiased_resize import AntialiasedResize
from salseg.datasets.transforms.base import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.crop import RandomCrop
from salseg.datasets.transforms.flip import RandomFlip
from salseg.datasets.transforms.flow import ComputeFlow
from salseg.datasets.transforms.loading import LoadFrames, LoadGroundTruth, LoadLabels
from salseg.datasets.transforms.pack import PackFrames
from salseg.datasets.transforms.photometric import RandomPhotometric
from salseg.datasets.transforms.resize import Resize
from salseg.datasets.transforms.reverse import RandomReverse
from salseg.datasets.transforms.soft_labels import LoadSoftLabels

__all__ = [
    'AntialiasedResize',
    'ComputeFlow',
    'FrameTransform',
    'LoadFrames',
    'LoadGroundTruth',
    'LoadLabels',
    'LoadSoftLabels',
    'PackFrames',
    'RandomCrop',
    'RandomFlip',
    'RandomFrameTransform',
    'RandomPhotometric',
    'RandomReverse',
    'Resize',
]
