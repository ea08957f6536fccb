"""Data structures: sample, inputs of a model, targets of a loss."""

from salseg.structures.batch import ExportPart, FrameInputs, FrameTargets
from salseg.structures.sample import FrameGeometry, InputType, SalDataSample

__all__ = ['ExportPart', 'FrameGeometry', 'FrameInputs', 'FrameTargets', 'InputType', 'SalDataSample']
