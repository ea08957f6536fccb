"""Optical flow between two frames, from estimators or files, with a cache on disk."""

from salseg.datasets.flow.base import FlowEstimator, FramePair, build_estimator, estimator_config
from salseg.datasets.flow.cache import FlowCache
from salseg.datasets.flow.chain import FlowChain
from salseg.datasets.flow.classical import DISFlow, FarnebackFlow
from salseg.datasets.flow.files import FlowFiles
from salseg.datasets.flow.raft import RAFTFlow

__all__ = [
    'DISFlow',
    'FarnebackFlow',
    'FlowCache',
    'FlowChain',
    'FlowEstimator',
    'FlowFiles',
    'FramePair',
    'RAFTFlow',
    'build_estimator',
    'estimator_config',
]
