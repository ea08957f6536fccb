"""Follow prompted objects through a video, frame by frame."""

from salseg.propagation.merging import MergedPropagator
from salseg.propagation.prompt import Prompt, merge_prompt
from salseg.propagation.propagator import Propagator, propagate
from salseg.propagation.result import FrameResult, MemoryReport

__all__ = ['FrameResult', 'MemoryReport', 'MergedPropagator', 'Prompt', 'Propagator', 'merge_prompt', 'propagate']
