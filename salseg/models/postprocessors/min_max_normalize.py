"""Stretch every map to the whole range."""

from salseg.registry import POSTPROCESSORS
from salseg.structures import SalDataSample


@POSTPROCESSORS.register_module()
class MinMaxNormalize:
    """(x - min) / (max - min + epsilon) per frame, as the released code of SCWSSOD writes its maps. It changes the MAE.

    Args:
        epsilon: Keeps a constant map finite; it becomes 0.
    """

    def __init__(self, epsilon: float = 1e-8) -> None:
        self.epsilon = epsilon

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        maps = [(x - x.min()) / (x.max() - x.min() + self.epsilon) for x in sample.pred_maps]
        sample.pred_maps = maps
        return sample
