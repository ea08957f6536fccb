"""Losses: parameters and names; the arithmetic is in :mod:`salseg.ops`."""

from salseg.models.losses.base import SalLoss
from salseg.models.losses.bootstrapped_cross_entropy_loss import BootstrappedCrossEntropyLoss
from salseg.models.losses.contrastive_loss import ContrastiveLoss
from salseg.models.losses.dice_loss import DiceLoss
from salseg.models.losses.frame_cross_entropy_loss import FrameCrossEntropyLoss
from salseg.models.losses.iou_loss import SoftIoULoss
from salseg.models.losses.local_saliency_coherence_loss import LocalSaliencyCoherenceLoss
from salseg.models.losses.mask_cross_entropy_loss import MaskCrossEntropyLoss
from salseg.models.losses.mask_iou_loss import MaskIoULoss
from salseg.models.losses.pairwise_loss import PairwiseLoss
from salseg.models.losses.partial_cross_entropy_loss import PartialCrossEntropyLoss
from salseg.models.losses.projection_loss import ProjectionLoss
from salseg.models.losses.self_contrastive_loss import SelfContrastiveLoss
from salseg.models.losses.squared_error_loss import SquaredErrorLoss
from salseg.models.losses.structure_consistency_loss import StructureConsistencyLoss
from salseg.models.losses.temporal_loss import TemporalLoss

__all__ = [
    'BootstrappedCrossEntropyLoss',
    'ContrastiveLoss',
    'DiceLoss',
    'FrameCrossEntropyLoss',
    'LocalSaliencyCoherenceLoss',
    'MaskCrossEntropyLoss',
    'MaskIoULoss',
    'PairwiseLoss',
    'PartialCrossEntropyLoss',
    'ProjectionLoss',
    'SalLoss',
    'SelfContrastiveLoss',
    'SoftIoULoss',
    'SquaredErrorLoss',
    'StructureConsistencyLoss',
    'TemporalLoss',
]
