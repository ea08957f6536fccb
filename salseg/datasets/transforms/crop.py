"""Keep a random part of the frames."""

from collections.abc import Sequence

import numpy as np

from salseg.datasets.transforms.base import LABEL_FIELDS, RandomFrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomCrop(RandomFrameTransform):
    """Cut a window of a given size at a random place.

    Args:
        size: (height, width), or one number for a square.
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: The size is not positive.
    """

    def __init__(self, size: int | Sequence[int], per: str = 'clip') -> None:
        super().__init__(per)
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 1:
            raise ConfigError(f'RandomCrop: size={size} must be positive.')

    def draw(self, rng: np.random.Generator) -> tuple[float, float]:
        """Where the window starts, as fractions of the free way down and across."""
        return rng.random(), rng.random()

    def transform(self, results: Results) -> Results:
        """Cut all frames and what is on their grid.

        Raises:
            DataError: A frame is smaller than the window.
        """
        for frame, (down, across) in enumerate(self.draws(results)):
            height, width = results['frames'][frame].shape[:2]
            if height < self.height or width < self.width:
                raise DataError(
                    f'{results["frame_paths"][frame]}: {height}x{width} is smaller than the crop of {self.height}x'
                    f'{self.width}. Put a Resize before RandomCrop.'
                )
            top, left = int(down * (height - self.height + 1)), int(across * (width - self.width + 1))
            window = np.s_[top : top + self.height, left : left + self.width]
            for name in ('frames', *LABEL_FIELDS):
                if name in results:
                    results[name][frame] = np.ascontiguousarray(results[name][frame][window])
            record = results['geometry'][frame]
            results['geometry'][frame] = record.cropped(left, top, left + self.width, top + self.height)
        return results
