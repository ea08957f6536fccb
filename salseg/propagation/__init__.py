"""Track prompted objects through a video, frame by frame."""

from salseg.propagation.merging import MergedPropagator, build_propagator
from salseg.propagation.passes import TrackPlan
from salseg.propagation.prompt import Prompt, merge_prompt
from salseg.propagation.propagator import FrameResult, MemoryReport, Propagator, check_permanent, propagate
from salseg.propagation.seeds import mask_from_seeds, seeds_from_points

__all__ = [
    'FrameResult',
    'MemoryReport',
    'MergedPropagator',
    'Prompt',
    'Propagator',
    'TrackPlan',
    'build_propagator',
    'check_permanent',
    'mask_from_seeds',
    'merge_prompt',
    'propagate',
    'seeds_from_points',
]
