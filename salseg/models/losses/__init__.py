"""Losses: parameters and names; the arithmetic is in `salseg.ops`."""

from salseg.models.losses.base import SalLoss, mean_over_processes
from salseg.models.losses.box_supervision import PairwiseLoss, ProjectionLoss, TemporalLoss
from salseg.models.losses.consistency import LocalSaliencyCoherenceLoss, StructureConsistencyLoss
from salseg.models.losses.contrastive import ContrastiveLoss, SelfContrastiveLoss
from salseg.models.losses.cross_entropy import (
    BootstrappedCrossEntropyLoss,
    FrameCrossEntropyLoss,
    MaskCrossEntropyLoss,
    PartialCrossEntropyLoss,
)
from salseg.models.losses.region import DiceLoss, MaskIoULoss, SoftIoULoss, SquaredErrorLoss

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
    'mean_over_processes',
]
