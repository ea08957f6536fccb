"""Round maps to the grey levels of a file as a released code does."""

import torch

from salseg.registry import POSTPROCESSORS
from salseg.structures import SalDataSample


@POSTPROCESSORS.register_module()
class TruncateToGrey:
    """Cut every map down to the next of 256 grey levels, as released code does that multiplies by 255 and casts.

    Without this step files are rounded to the nearest level; half of all pixels differ by one.
    """

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        sample.pred_maps = [torch.floor(x * 255).clamp(0, 255) / 255 for x in sample.pred_maps]
        return sample
