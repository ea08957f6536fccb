"""Steps on predicted samples."""

from salseg.models.postprocessors.centre_weight import CentreWeight
from salseg.models.postprocessors.label_smoothing import DenseCRF, LabelSmoothing
from salseg.models.postprocessors.min_max_normalize import MinMaxNormalize
from salseg.models.postprocessors.truncate_to_grey import TruncateToGrey

__all__ = ['CentreWeight', 'DenseCRF', 'LabelSmoothing', 'MinMaxNormalize', 'TruncateToGrey']
