"""Extra passes."""

from salseg.models.passes.base import ExtraPass
from salseg.models.passes.embedding_pass import EmbeddingPass
from salseg.models.passes.masked_matcher_pass import MaskedMatcherPass
from salseg.models.passes.rescaled_pass import RescaledPass

__all__ = ['EmbeddingPass', 'ExtraPass', 'MaskedMatcherPass', 'RescaledPass']
