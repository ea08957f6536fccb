"""Samplers."""

from salseg.datasets.samplers.position_sampler import PositionBatchSampler, PositionSampler

__all__ = ['PositionBatchSampler', 'PositionSampler']
