"""Rotate, shear, scale and move frames."""

from collections.abc import Sequence

import cv2
import numpy as np

from salseg.datasets.transforms.base import LABEL_FIELDS, RandomFrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS

# ImageNet's mean colour, what XMem puts where a moved image has none.
MEAN_COLOUR = (124, 116, 104)


@TRANSFORMS.register_module()
class RandomAffine(RandomFrameTransform):
    """Turn frames about their centre, with all that is on their grid; what comes into view is background.

    The geometry record keeps no rotation: this is for training.

    Args:
        rotation: Largest angle in degrees, either way.
        shear: Largest shear angle in degrees, likewise, along x.
        scale: Range of the factor.
        translation: Largest shift as a fraction of each side.
        fill: Colour of what comes into view.
        until: Number of the draw from which on frames stay as they are; None for never.
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A range makes no sense.
    """

    def __init__(
        self,
        rotation: float = 0,
        shear: float = 0,
        scale: Sequence[float] = (1, 1),
        translation: float = 0,
        fill: Sequence[float] = MEAN_COLOUR,
        until: int | None = None,
        per: str = 'frame',
    ) -> None:
        super().__init__(per)
        if min(rotation, shear, translation) < 0 or shear >= 90 or not 0 < scale[0] <= scale[1]:
            raise ConfigError(
                f'RandomAffine: rotation={rotation}, shear={shear}, translation={translation} must be >= 0, shear below '
                f'90, scale={tuple(scale)} an ascending range above 0.'
            )
        self.rotation, self.shear, self.scale, self.translation = rotation, shear, tuple(scale), translation
        self.fill = tuple(float(value) for value in fill)
        self.until = until

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Angle and shear in radians, factor, shift down and across as fractions."""
        angle, shear = np.deg2rad(rng.uniform(-1, 1, 2) * (self.rotation, self.shear))
        return np.array([angle, shear, rng.uniform(*self.scale), *(rng.uniform(-1, 1, 2) * self.translation)])

    def transform(self, results: Results) -> Results:
        """Warp the frames and what is on their grid."""
        if self.until is not None and results['draw'] >= self.until:
            return results
        for frame, drawn in enumerate(self.draws(results)):
            height, width = results['frames'][frame].shape[:2]
            matrix = affine_matrix(drawn, (height, width))
            results['frames'][frame] = warp(results['frames'][frame], matrix, cv2.INTER_LINEAR, self.fill)
            for name in LABEL_FIELDS:
                if name in results:
                    how = cv2.INTER_LINEAR if name == 'saliency' else cv2.INTER_NEAREST
                    results[name][frame] = warp(results[name][frame], matrix, how)
        return results


def affine_matrix(drawn: Sequence[float], size: tuple[int, int]) -> np.ndarray:
    """(2, 3) from old to new pixel positions, about the centre of an image of ``size`` (height, width)."""
    angle, shear, factor, down, across = drawn
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = factor * turn @ np.array([[1, np.tan(shear)], [0, 1]])
    centre = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2])
    moved = centre + (across * size[1], down * size[0])
    return np.concatenate([linear, (moved - linear @ centre)[:, None]], 1)


def warp(image: np.ndarray, matrix: np.ndarray, how: int, fill: Sequence[float] = (0, 0, 0)) -> np.ndarray:
    """An image (H, W) or (H, W, K), any K, moved by a matrix (2, 3), at the same size."""
    size = image.shape[1::-1]
    if image.ndim == 3 and image.shape[2] > 3:
        return np.stack([warp(image[..., k], matrix, how, fill) for k in range(image.shape[2])], -1)
    warped = cv2.warpAffine(image, matrix, size, flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=fill)
    return warped.reshape(image.shape)
