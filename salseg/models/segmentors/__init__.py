"""Models: the parts put together."""

from salseg.models.segmentors.base import BaseSegmentor
from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor

__all__ = ['BaseSegmentor', 'SaliencySegmentor']
