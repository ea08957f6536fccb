"""Steps on predicted samples."""

from salseg.models.postprocessors.label_smoothing import DenseCRF, LabelSmoothing
from salseg.models.postprocessors.scaling import CentreWeight, MinMaxNormalize, TruncateToGrey

__all__ = ['CentreWeight', 'DenseCRF', 'LabelSmoothing', 'MinMaxNormalize', 'TruncateToGrey']
