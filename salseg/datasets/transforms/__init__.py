"""Transforms of sets of frames."""

from salseg.datasets.transforms.base import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.boxes import LoadBoxes, MasksToBoxes
from salseg.datasets.transforms.color import RandomGrey, RandomPhotometric
from salseg.datasets.transforms.cropping import RandomCrop, RandomResizedCrop
from salseg.datasets.transforms.cues import ComputeFlow, LoadGuidance
from salseg.datasets.transforms.labels import LoadSoftLabels, MasksToScribbles
from salseg.datasets.transforms.loading import LoadFrames, LoadGroundTruth, LoadLabels
from salseg.datasets.transforms.order import RandomFlip, RandomReverse, RepeatFrame
from salseg.datasets.transforms.pack import PackFrames
from salseg.datasets.transforms.prompts import FirstFramePrompt, LoadObjectMaps, LoadPrompt, PackVideoFrame
from salseg.datasets.transforms.resizing import AntialiasedResize, Resize, ResizeShorterSide
from salseg.datasets.transforms.sampling import SampleClip, SampleGroup, SelectObjects
from salseg.datasets.transforms.warping import RandomAffine, RandomThinPlate

__all__ = [
    'AntialiasedResize',
    'ComputeFlow',
    'FirstFramePrompt',
    'FrameTransform',
    'LoadBoxes',
    'LoadFrames',
    'LoadGroundTruth',
    'LoadGuidance',
    'LoadLabels',
    'LoadObjectMaps',
    'LoadPrompt',
    'LoadSoftLabels',
    'MasksToBoxes',
    'MasksToScribbles',
    'PackFrames',
    'PackVideoFrame',
    'RandomAffine',
    'RandomCrop',
    'RandomFlip',
    'RandomFrameTransform',
    'RandomGrey',
    'RandomPhotometric',
    'RandomResizedCrop',
    'RandomReverse',
    'RandomThinPlate',
    'RepeatFrame',
    'Resize',
    'ResizeShorterSide',
    'SampleClip',
    'SampleGroup',
    'SelectObjects',
]
