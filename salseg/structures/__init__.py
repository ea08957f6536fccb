"""What travels through the toolbox: one sample, what a model may see, what a loss may see."""

from salseg.structures.export_part import ExportPart
from salseg.structures.geometry import FrameGeometry
from salseg.structures.inputs import FrameInputs
from salseg.structures.sample import SalDataSample
from salseg.structures.targets import FrameTargets

__all__ = ['ExportPart', 'FrameGeometry', 'FrameInputs', 'FrameTargets', 'SalDataSample']
