"""Segmentors: complete models."""

from salseg.models.segmentors.base import BaseSegmentor
from salseg.models.segmentors.group_segmentor import GroupSegmentor
from salseg.models.segmentors.propagation_segmentor import PropagationSegmentor
from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor

__all__ = ['BaseSegmentor', 'GroupSegmentor', 'PropagationSegmentor', 'SaliencySegmentor']
