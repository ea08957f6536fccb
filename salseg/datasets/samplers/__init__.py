"""Samplers."""

from salseg.datasets.samplers.alternating_sampler import AlternatingBatchSampler, PartsSampler
from salseg.datasets.samplers.position_sampler import PositionBatchSampler, PositionSampler
from salseg.datasets.samplers.video_sampler import VideoSampler

__all__ = ['AlternatingBatchSampler', 'PartsSampler', 'PositionBatchSampler', 'PositionSampler', 'VideoSampler']
