"""Losses: parameters and names; the arithmetic lies in :mod:`salseg.ops`."""

from salseg.models.losses.base import SalLoss
from salseg.models.losses.contrastive_loss import ContrastiveLoss
from salseg.models.losses.frame_cross_entropy_loss import FrameCrossEntropyLoss
from salseg.models.losses.local_saliency_coherence_loss import LocalSaliencyCoherenceLoss
from salseg.models.losses.mask_cross_entropy_loss import MaskCrossEntropyLoss
from salseg.models.losses.mask_iou_loss import MaskIoULoss
from salseg.models.losses.partial_cross_entropy_loss import PartialCrossEntropyLoss
from salseg.models.losses.self_contrastive_loss import SelfContrastiveLoss
from salseg.models.losses.squared_error_loss import SquaredErrorLoss
from salseg.models.losses.structure_consistency_loss import StructureConsistencyLoss

__all__ = [
    'ContrastiveLoss',
    'FrameCrossEntropyLoss',
    'LocalSaliencyCoherenceLoss',
    'MaskCrossEntropyLoss',
    'MaskIoULoss',
    'PartialCrossEntropyLoss',
    'SalLoss',
    'SelfContrastiveLoss',
    'SquaredErrorLoss',
    'StructureConsistencyLoss',
]
