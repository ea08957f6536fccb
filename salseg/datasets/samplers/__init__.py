"""Samplers."""

from salseg.datasets.samplers.alternating_sampler import AlternatingBatchSampler, PartsSampler
from salseg.datasets.samplers.resumable_sampler import ResumableBatchSampler, ResumableSampler
from salseg.datasets.samplers.video_sampler import VideoSampler

__all__ = ['AlternatingBatchSampler', 'PartsSampler', 'ResumableBatchSampler', 'ResumableSampler', 'VideoSampler']
