"""Crop frames and all that is on their grid."""

from collections.abc import Sequence

import cv2
import numpy as np

from salseg.datasets.transforms.base import LABEL_FIELDS, RandomFrameTransform, Results
from salseg.datasets.transforms.resizing import nearest
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomCrop(RandomFrameTransform):
    """Crop a window of a given size at a random position.

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


_TRIALS = 10


@TRANSFORMS.register_module()
class RandomResizedCrop(RandomFrameTransform):
    """A window of random area, aspect and place, resized: bilinear for images and soft truth, nearest for labels.

    A window that does not fit into the frame is drawn again, up to ten times; then the largest one in the middle whose
    aspect is allowed is taken (the rule of the published video trainings). No window is cut at the border: that would
    stretch what it shows.

    Args:
        size: (height, width), or one number for a square.
        area: Range of the window's fraction of the frame.
        aspect: Range of its width by its height over those of ``size``, uniform in the logarithm: what stands in the
            frame is stretched by one over it, and not at all for (1, 1).
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A range makes no sense.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        area: Sequence[float] = (0.36, 1.0),
        aspect: Sequence[float] = (3 / 4, 4 / 3),
        per: str = 'clip',
    ) -> None:
        super().__init__(per)
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 1 or not 0 < area[0] <= area[1] <= 1 or not 0 < aspect[0] <= aspect[1]:
            raise ConfigError(
                f'RandomResizedCrop: size={size} must be positive, area={tuple(area)} a range in (0, 1], '
                f'aspect={tuple(aspect)} one above 0.'
            )
        self.area, self.aspect = tuple(area), tuple(aspect)

    @property
    def aspects(self) -> tuple[float, float]:
        """Range of a window's width by its height."""
        shape = self.width / self.height
        return self.aspect[0] * shape, self.aspect[1] * shape

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(10, 4): of each trial the fraction of the area, the aspect, the place as fractions of the way down, across."""
        trials = rng.random((_TRIALS, 4))
        trials[:, 0] = self.area[0] + trials[:, 0] * (self.area[1] - self.area[0])
        low, high = np.log(self.aspects)
        trials[:, 1] = np.exp(low + trials[:, 1] * (high - low))
        return trials

    def window(self, trials: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in an image of ``size`` (height, width): the first trial that fits into it."""
        for fraction, aspect, down, across in trials:
            area = fraction * size[0] * size[1]
            height, width = round((area / aspect) ** 0.5), round((area * aspect) ** 0.5)
            if 0 < height <= size[0] and 0 < width <= size[1]:
                top, left = int(down * (size[0] - height + 1)), int(across * (size[1] - width + 1))
                return left, top, left + width, top + height
        return self._middle(size)

    def _middle(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        aspect = min(max(size[1] / size[0], self.aspects[0]), self.aspects[1])
        height = max(1, min(size[0], round(size[1] / aspect)))
        width = max(1, min(size[1], round(size[0] * aspect)))
        top, left = (size[0] - height) // 2, (size[1] - width) // 2
        return left, top, left + width, top + height

    def transform(self, results: Results) -> Results:
        """Cut and resize the frames and what is on their grid."""
        for frame, trials in enumerate(self.draws(results)):
            left, top, right, bottom = self.window(trials, results['frames'][frame].shape[:2])
            part = np.s_[top:bottom, left:right]
            for name in ('frames', *LABEL_FIELDS):
                if name not in results:
                    continue
                value = np.ascontiguousarray(results[name][frame][part])
                if name in ('frames', 'saliency'):
                    value = cv2.resize(value, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
                else:
                    value = nearest(value, (self.height, self.width))
                results[name][frame] = value
            record = results['geometry'][frame].cropped(left, top, right, bottom)
            results['geometry'][frame] = record.scaled(self.height, self.width)
        return results
