"""Track prompted objects through a video, frame by frame."""

from salseg.propagation.merging import MergedPropagator
from salseg.propagation.prompt import Prompt, merge_prompt
from salseg.propagation.propagator import FrameResult, MemoryReport, Propagator, propagate

__all__ = ['FrameResult', 'MemoryReport', 'MergedPropagator', 'Prompt', 'Propagator', 'merge_prompt', 'propagate']
