"""Take the colour out of frames."""

import numpy as np

from salseg.datasets.transforms.base import RandomFrameTransform, Results
from salseg.datasets.transforms.photometric import LUMA
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGrey(RandomFrameTransform):
    """Make frames grey with a probability; they keep three channels.

    Args:
        probability: In [0, 1].
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: The probability is outside [0, 1].
    """

    def __init__(self, probability: float = 0.05, per: str = 'clip') -> None:
        super().__init__(per)
        if not 0 <= probability <= 1:
            raise ConfigError(f'RandomGrey: probability={probability} must lie in [0, 1].')
        self.probability = probability

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether to do it."""
        return bool(rng.random() < self.probability)

    def transform(self, results: Results) -> Results:
        """Change the drawn frames; the number type stays."""
        for frame, grey in enumerate(self.draws(results)):
            if grey:
                image = results['frames'][frame]
                value = (image.astype(np.float32) @ LUMA)[..., None].repeat(3, -1)
                results['frames'][frame] = value.clip(0, 255).astype(image.dtype)
        return results
