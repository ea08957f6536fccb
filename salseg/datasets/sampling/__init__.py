"""Which items are drawn, and which frames make a set."""

from salseg.datasets.sampling.clips import ClipPlan, clip_indices, even_positions, triplet_indices, windows
from salseg.datasets.sampling.samplers import (
    AlternatingBatchSampler,
    PartsSampler,
    ResumableBatchSampler,
    ResumableSampler,
    VideoSampler,
)

__all__ = [
    'AlternatingBatchSampler',
    'ClipPlan',
    'PartsSampler',
    'ResumableBatchSampler',
    'ResumableSampler',
    'VideoSampler',
    'clip_indices',
    'even_positions',
    'triplet_indices',
    'windows',
]
