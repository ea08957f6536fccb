"""Pure functions on tensors: fast, tested against references, importable by anyone. No registry, no config."""

from salseg.ops.flat_grid import FlatGrid, half_window
from salseg.ops.local_saliency_coherence import CoherenceKernel, local_saliency_coherence
from salseg.ops.partial_cross_entropy import partial_cross_entropy, partial_cross_entropy_sums
from salseg.ops.precision import at_least_float32
from salseg.ops.resize import resize, scaled_size
from salseg.ops.structure_consistency import structural_similarity, structure_consistency

__all__ = [
    'CoherenceKernel',
    'FlatGrid',
    'at_least_float32',
    'half_window',
    'local_saliency_coherence',
    'partial_cross_entropy',
    'partial_cross_entropy_sums',
    'resize',
    'scaled_size',
    'structural_similarity',
    'structure_consistency',
]
