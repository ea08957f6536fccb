"""Track prompted objects through a video, frame by frame."""

from salseg.propagation.merging import MergedPropagator, build_propagator
from salseg.propagation.passes import TrackPlan
from salseg.propagation.prompt import Prompt, merge_prompt
from salseg.propagation.propagator import FrameResult, MemoryReport, Propagator, check_permanent, propagate

__all__ = [
    'FrameResult',
    'MemoryReport',
    'MergedPropagator',
    'Prompt',
    'Propagator',
    'TrackPlan',
    'build_propagator',
    'check_permanent',
    'merge_prompt',
    'propagate',
]
