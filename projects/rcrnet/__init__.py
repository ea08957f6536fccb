"""RCRNet, RCRNet+NER and the flow-guided pseudo-label generator (ICCV 2019)."""

from projects.rcrnet.augment import RandomJitter, RandomMirror, RandomScaledCrop
from projects.rcrnet.fgplg import FGPLG
from projects.rcrnet.refinement_head import RefinementHead
from projects.rcrnet.triplets import SplitTriplet

__all__ = ['FGPLG', 'RandomJitter', 'RandomMirror', 'RandomScaledCrop', 'RefinementHead', 'SplitTriplet']
