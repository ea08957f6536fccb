"""Warp frames and all that is on their grid: affine maps and thin plates."""

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
    """Random affine map of frames and everything on their grid; pixels from outside are background.

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
        low, high = self.scale
        return np.array([angle, shear, rng.uniform(low, high), *(rng.uniform(-1, 1, 2) * self.translation)])

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


def affine_matrix(drawn: Sequence[float] | np.ndarray, size: tuple[int, int]) -> np.ndarray:
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


_COARSE = 24


@TRANSFORMS.register_module()
class RandomThinPlate(RandomFrameTransform):
    """Warp by a thin-plate spline through a few random points that are moved a little (Bookstein, 1989).

    Args:
        points: Control points, drawn anywhere in the image.
        sigma: Standard deviation of their shift, as a fraction of the sides.
        probability: Of being warped.
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A number makes no sense.
    """

    def __init__(self, points: int = 12, sigma: float = 0.02, probability: float = 0.33, per: str = 'frame') -> None:
        super().__init__(per)
        if points < 4 or sigma < 0 or not 0 <= probability <= 1:
            raise ConfigError(
                f'RandomThinPlate: points={points} (at least 4), sigma={sigma} (>= 0), probability={probability}.'
            )
        self.points, self.sigma, self.probability = points, sigma, probability

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        """Points (n, 2) in [0, 1], x first, and where each is read from; None where nothing is done."""
        if rng.random() >= self.probability:
            return None
        points = rng.random((self.points, 2))
        return points, points + rng.normal(0, self.sigma, points.shape)

    def transform(self, results: Results) -> Results:
        """Warp the drawn frames and what is on their grid; what comes from outside repeats the border."""
        for frame, drawn in enumerate(self.draws(results)):
            if drawn is None:
                continue
            points, sources = drawn
            x, y = sampling_maps(points, sources, results['frames'][frame].shape[:2])
            for name in ('frames', *LABEL_FIELDS):
                if name in results:
                    how = cv2.INTER_LINEAR if name in ('frames', 'saliency') else cv2.INTER_NEAREST
                    value = results[name][frame]
                    warped = cv2.remap(value, x, y, how, borderMode=cv2.BORDER_REPLICATE)
                    results[name][frame] = warped.reshape(value.shape)
        return results


def sampling_maps(points: np.ndarray, sources: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where every pixel of an image of ``size`` (height, width) is read from, x and y (H, W) float32.

    The spline that takes each point (n, 2) in [0, 1] to its source is evaluated on a coarse grid; between, its shift is
    interpolated linearly.
    """
    count = len(points)
    affine = np.concatenate([np.ones((count, 1)), points], 1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(points, points)
    system[:count, count:], system[count:, :count] = affine, affine.T
    weights = np.linalg.solve(system, np.concatenate([sources - points, np.zeros((3, 2))]))
    axis = (np.arange(_COARSE) + 0.5) / _COARSE
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    shift = np.concatenate([_kernel(grid, points), np.ones((len(grid), 1)), grid], 1) @ weights
    height, width = size
    shift = cv2.resize(shift.reshape(_COARSE, _COARSE, 2).astype(np.float32), (width, height))
    x = np.arange(width, dtype=np.float32) + shift[..., 0] * width
    y = np.arange(height, dtype=np.float32)[:, None] + shift[..., 1] * height
    return x, y


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    square = np.square(a[:, None] - b[None]).sum(-1)
    return 0.5 * square * np.log(np.maximum(square, 1e-12))
