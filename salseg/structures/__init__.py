"""What travels through the toolbox: one sample, what a model may see, what a loss may see."""

from salseg.structures.batch import ExportPart, FrameInputs, FrameTargets
from salseg.structures.sample import FrameGeometry, InputType, SalDataSample

__all__ = ['ExportPart', 'FrameGeometry', 'FrameInputs', 'FrameTargets', 'InputType', 'SalDataSample']
