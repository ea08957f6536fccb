"""Transforms of sets of frames."""

from salseg.datasets.transforms.affine import RandomAffine
from salseg.datasets.transforms.antialiased_resize import AntialiasedResize
from salseg.datasets.transforms.base import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.boxes import LoadBoxes, MasksToBoxes
from salseg.datasets.transforms.crop import RandomCrop
from salseg.datasets.transforms.flip import RandomFlip
from salseg.datasets.transforms.flow import ComputeFlow
from salseg.datasets.transforms.grey import RandomGrey
from salseg.datasets.transforms.guidance import LoadGuidance
from salseg.datasets.transforms.loading import LoadFrames, LoadGroundTruth, LoadLabels
from salseg.datasets.transforms.pack import PackFrames
from salseg.datasets.transforms.photometric import RandomPhotometric
from salseg.datasets.transforms.prompts import FirstFramePrompt, LoadObjectMaps, LoadPrompt, PackVideoFrame
from salseg.datasets.transforms.repeat import RepeatFrame
from salseg.datasets.transforms.resize import Resize, ResizeShorterSide
from salseg.datasets.transforms.resized_crop import RandomResizedCrop
from salseg.datasets.transforms.reverse import RandomReverse
from salseg.datasets.transforms.sample_clip import SampleClip
from salseg.datasets.transforms.sample_group import SampleGroup
from salseg.datasets.transforms.scribbles import MasksToScribbles
from salseg.datasets.transforms.select_objects import SelectObjects
from salseg.datasets.transforms.soft_labels import LoadSoftLabels
from salseg.datasets.transforms.thin_plate import RandomThinPlate

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
