"""Steps on predicted samples."""

from salseg.models.postprocessors.min_max_normalize import MinMaxNormalize

__all__ = ['MinMaxNormalize']
