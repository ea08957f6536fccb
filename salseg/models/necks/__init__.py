"""Necks refine or merge the features of one image."""

from salseg.models.necks.aggregation import AGGM, ASPP, ProgressiveAggregationNeck
from salseg.models.necks.attention import ChannelAttention, DemocraticEnhancement, SpatialAttention
from salseg.models.necks.refinement import BorderContrastNeck, SelfRefinement

__all__ = [
    'AGGM',
    'ASPP',
    'BorderContrastNeck',
    'ChannelAttention',
    'DemocraticEnhancement',
    'ProgressiveAggregationNeck',
    'SelfRefinement',
    'SpatialAttention',
]
