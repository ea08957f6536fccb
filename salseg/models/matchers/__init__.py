"""Matchers relate positions across frames or levels."""

from salseg.models.matchers.democratic_prototype import DemocraticPrototype
from salseg.models.matchers.memory_reader import MemoryReader
from salseg.models.matchers.ner import NER, ConvGRU, NonLocalBlock
from salseg.models.matchers.non_local_pixel_matching import NonLocalPixelMatching

__all__ = ['ConvGRU', 'DemocraticPrototype', 'MemoryReader', 'NER', 'NonLocalBlock', 'NonLocalPixelMatching']
