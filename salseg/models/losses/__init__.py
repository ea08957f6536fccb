"""Losses: parameters and names; the arithmetic lies in :mod:`salseg.ops`."""

from salseg.models.losses.base import SalLoss
from salseg.models.losses.local_saliency_coherence_loss import LocalSaliencyCoherenceLoss
from salseg.models.losses.mask_cross_entropy_loss import MaskCrossEntropyLoss
from salseg.models.losses.partial_cross_entropy_loss import PartialCrossEntropyLoss
from salseg.models.losses.structure_consistency_loss import StructureConsistencyLoss

__all__ = [
    'LocalSaliencyCoherenceLoss',
    'MaskCrossEntropyLoss',
    'PartialCrossEntropyLoss',
    'SalLoss',
    'StructureConsistencyLoss',
]
