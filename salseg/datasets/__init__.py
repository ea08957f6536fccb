"""Data sets, transforms and samplers."""

from salseg.datasets import sampling, transforms
from salseg.datasets.base import SetDataset
from salseg.datasets.composite_clips import CompositeClips
from salseg.datasets.concat import ConcatDataset
from salseg.datasets.group_dataset import GroupDataset
from salseg.datasets.listed_dataset import ListedDataset
from salseg.datasets.object_videos import ObjectVideos
from salseg.datasets.prompted_videos import PromptedVideos
from salseg.datasets.saliency_dataset import SaliencyDataset
from salseg.datasets.synthetic_groups import SyntheticGroups
from salseg.datasets.synthetic_images import SyntheticImages
from salseg.datasets.synthetic_object_videos import SyntheticObjectVideos
from salseg.datasets.video_saliency_dataset import VideoSaliencyDataset

__all__ = [
    'CompositeClips',
    'ConcatDataset',
    'GroupDataset',
    'ListedDataset',
    'ObjectVideos',
    'PromptedVideos',
    'SaliencyDataset',
    'SetDataset',
    'SyntheticGroups',
    'SyntheticImages',
    'SyntheticObjectVideos',
    'VideoSaliencyDataset',
    'sampling',
    'transforms',
]
