"""Networks and their parts."""

from salseg.models import backbones, explainers, heads, losses, matchers, necks, passes, postprocessors, segmentors
from salseg.models.data_preprocessor import SalDataPreprocessor
from salseg.models.segmentors import BaseSegmentor, SaliencySegmentor

__all__ = [
    'BaseSegmentor',
    'SalDataPreprocessor',
    'SaliencySegmentor',
    'backbones',
    'explainers',
    'heads',
    'losses',
    'matchers',
    'necks',
    'passes',
    'postprocessors',
    'segmentors',
]
