"""Resize as torchvision does on images: bilinear with antialiasing."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class AntialiasedResize(FrameTransform):
    """Pillow's bilinear filter, which averages over all pixels that shrink into one; nearest for hard labels.

    Soft truth is resized as a float image, as the released code of RCRNet does with its labels. Slower than
    :class:`Resize` (about ten times), and another function: use it where the published metrics depend on it.

    Args:
        size: (height, width), or one number for a square.

    Raises:
        ConfigError: The size is not positive.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 1:
            raise ConfigError(f'AntialiasedResize: size={size} must be positive.')

    def transform(self, results: Results) -> Results:
        """Resize all frames and what is on their grid."""
        results['frames'] = [self._smooth(frame) for frame in results['frames']]
        results['geometry'] = [record.scaled(self.height, self.width) for record in results['geometry']]
        if 'saliency' in results:
            results['saliency'] = [self._smooth(value) for value in results['saliency']]
        if 'labels' in results:
            size = (self.width, self.height)
            results['labels'] = [cv2.resize(v, size, interpolation=cv2.INTER_NEAREST) for v in results['labels']]
        return results

    def _smooth(self, values: np.ndarray) -> np.ndarray:
        if values.ndim == 3 and values.dtype != np.uint8:
            return np.stack([self._smooth(channel) for channel in np.moveaxis(values, 2, 0)], axis=2)
        image = Image.fromarray(values if values.dtype == np.uint8 else values.astype(np.float32))
        return np.array(image.resize((self.width, self.height), Image.Resampling.BILINEAR))
