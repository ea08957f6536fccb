"""RCRNet, RCRNet+NER and the flow-guided pseudo-label generator (ICCV 2019)."""

from projects.rcrnet.fgplg import FGPLG
from projects.rcrnet.refinement_head import RefinementHead
from projects.rcrnet.transforms import RandomJitter, RandomMirror, RandomScaledCrop, SplitTriplet

__all__ = ['FGPLG', 'RandomJitter', 'RandomMirror', 'RandomScaledCrop', 'RefinementHead', 'SplitTriplet']
