"""Change the colours of frames."""

from collections.abc import Sequence

import cv2
import numpy as np

from salseg.datasets.transforms.base import RandomFrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGrey(RandomFrameTransform):
    """Convert frames to grey with a probability; they keep three channels.

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


LUMA = np.array((0.299, 0.587, 0.114), np.float32)


@TRANSFORMS.register_module()
class RandomPhotometric(RandomFrameTransform):
    """Multiply brightness, contrast and saturation by random factors.

    Args:
        brightness: Largest relative change, e.g. 0.2 draws a factor in [0.8, 1.2].
        contrast: Likewise, around the image's mean grey.
        saturation: Likewise, around each pixel's grey.
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A change is outside [0, 1].
    """

    def __init__(
        self, brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2, per: str = 'clip'
    ) -> None:
        super().__init__(per)
        self.ranges: Sequence[float] = (brightness, contrast, saturation)
        if min(self.ranges) < 0 or max(self.ranges) > 1:
            raise ConfigError(f'RandomPhotometric: changes {self.ranges} must lie in [0, 1].')

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Factors of brightness, contrast, saturation."""
        return 1 + rng.uniform(-1, 1, 3).astype(np.float32) * np.asarray(self.ranges, np.float32)

    def transform(self, results: Results) -> Results:
        """Change every frame; the number type stays."""
        for frame, factors in enumerate(self.draws(results)):
            image = results['frames'][frame]
            results['frames'][frame] = _change(image.astype(np.float32), *factors).astype(image.dtype)
        return results


def _change(image: np.ndarray, brightness: float, contrast: float, saturation: float) -> np.ndarray:
    """Over ``image``, (H, W, 3) float32: a new array for each product takes longer than the product."""
    image *= brightness
    mean = (image @ LUMA).mean()
    image -= mean
    image *= contrast
    image += mean
    # Three channels, since numpy is slow where it repeats one value three times.
    grey = cv2.merge([image @ LUMA] * 3)
    image -= grey
    image *= saturation
    image += grey
    return np.clip(image, 0, 255, out=image)
