"""Transforms of sets of frames."""

from salseg.datasets.transforms.antialiased_resize import AntialiasedResize
from salseg.datasets.transforms.base import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.crop import RandomCrop
from salseg.datasets.transforms.flip import RandomFlip
from salseg.datasets.transforms.flow import ComputeFlow
from salseg.datasets.transforms.guidance import LoadGuidance
from salseg.datasets.transforms.loading import LoadFrames, LoadGroundTruth, LoadLabels
from salseg.datasets.transforms.pack import PackFrames
from salseg.datasets.transforms.photometric import RandomPhotometric
from salseg.datasets.transforms.prompts import LoadObjectMaps, LoadPrompt, PackVideoFrame
from salseg.datasets.transforms.resize import Resize
from salseg.datasets.transforms.reverse import RandomReverse
from salseg.datasets.transforms.sample_group import SampleGroup
from salseg.datasets.transforms.soft_labels import LoadSoftLabels

__all__ = [
    'AntialiasedResize',
    'ComputeFlow',
    'FrameTransform',
    'LoadFrames',
    'LoadGroundTruth',
    'LoadGuidance',
    'LoadLabels',
    'LoadObjectMaps',
    'LoadPrompt',
    'LoadSoftLabels',
    'PackFrames',
    'PackVideoFrame',
    'RandomCrop',
    'RandomFlip',
    'RandomFrameTransform',
    'RandomPhotometric',
    'RandomReverse',
    'Resize',
    'SampleGroup',
]
