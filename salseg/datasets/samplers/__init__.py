"""Samplers."""

from salseg.datasets.samplers.alternating_sampler import AlternatingBatchSampler, PartsSampler
from salseg.datasets.samplers.position_sampler import PositionBatchSampler, PositionSampler

__all__ = ['AlternatingBatchSampler', 'PartsSampler', 'PositionBatchSampler', 'PositionSampler']
