"""Which frames make a set: pure functions on indices."""

from salseg.datasets.sampling.clips import ClipPlan, clip_indices, even_positions, triplet_indices, windows

__all__ = ['ClipPlan', 'clip_indices', 'even_positions', 'triplet_indices', 'windows']
