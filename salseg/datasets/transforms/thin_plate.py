"""Bend frames."""

import cv2
import numpy as np

from salseg.datasets.transforms.base import LABEL_FIELDS, RandomFrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS

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
            x, y = sampling_maps(*drawn, results['frames'][frame].shape[:2])
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
