"""Postprocessors that change the values of predicted maps."""

import torch

from salseg.errors import ConfigError
from salseg.registry import POSTPROCESSORS
from salseg.structures import SalDataSample


@POSTPROCESSORS.register_module()
class CentreWeight:
    """Multiply every map by a Gaussian at the image centre (centre prior).

    Args:
        spread: Deviation of the Gaussian in heights and widths of the image; the middle keeps its value.

    Raises:
        ConfigError: The spread is not positive.
    """

    def __init__(self, spread: float = 0.35) -> None:
        if spread <= 0:
            raise ConfigError(f'CentreWeight: spread={spread}; expected a number above 0.')
        self.spread = spread

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        sample.pred_maps = [saliency * self.weight(*saliency.shape).to(saliency) for saliency in sample.pred_maps]
        return sample

    def weight(self, height: int, width: int) -> torch.Tensor:
        """(height, width) in (0, 1]."""
        y, x = ((torch.arange(count) + 0.5) / count - 0.5 for count in (height, width))
        return torch.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * self.spread**2))


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


@POSTPROCESSORS.register_module()
class TruncateToGrey:
    """Truncate every map to 256 grey levels, as released code does that multiplies by 255 and casts.

    Without this step files are rounded to the nearest level; half of all pixels differ by one.
    """

    def __call__(self, sample: SalDataSample) -> SalDataSample:
        """Replace ``pred_maps``."""
        sample.pred_maps = [torch.floor(x * 255).clamp(0, 255) / 255 for x in sample.pred_maps]
        return sample
