"""Trust the middle of an image more than its edge."""

import torch

from salseg.errors import ConfigError
from salseg.registry import POSTPROCESSORS
from salseg.structures import SalDataSample


@POSTPROCESSORS.register_module()
class CentreWeight:
    """Multiply every map by a Gaussian about the middle: whoever takes a photograph puts its object there.

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
