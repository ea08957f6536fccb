"""What strengthens or merges the features of one image."""

from salseg.models.necks.aggm import AGGM
from salseg.models.necks.aspp import ASPP
from salseg.models.necks.border_contrast import BorderContrastNeck
from salseg.models.necks.channel_attention import ChannelAttention
from salseg.models.necks.democratic_enhancement import DemocraticEnhancement
from salseg.models.necks.progressive_aggregation import ProgressiveAggregationNeck
from salseg.models.necks.self_refinement import SelfRefinement
from salseg.models.necks.spatial_attention import SpatialAttention

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
