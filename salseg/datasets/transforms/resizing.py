"""Resize frames and all that is on their grid."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import ConfigError
from salseg.io.annotations import UNKNOWN
from salseg.registry import TRANSFORMS

# Labels back to the codes of scribble files: 1 object, 2 background, 0 unknown.
_LABEL_TO_SCRIBBLE = np.zeros(256, np.float32)
_LABEL_TO_SCRIBBLE[1], _LABEL_TO_SCRIBBLE[0] = 1, 2


@TRANSFORMS.register_module()
class Resize(FrameTransform):
    """Bilinear for frames and soft truth, nearest for labels.

    Args:
        size: (height, width), or one number for a square.
        exact: Keep the images as float32 instead of rounding them to uint8: as papers do that resize normalised floats;
            four times the memory on the way to the device.
        scribble_resize: 'nearest', or 'released': bilinear on the codes 0, 1, 2, then truncation, as the released code of
            SCWSSOD does. That invents labels along the scribbles' edges and is there for parity only.

    Raises:
        ConfigError: The size or the option is unknown.
    """

    def __init__(self, size: int | Sequence[int], exact: bool = False, scribble_resize: str = 'nearest') -> None:
        self.height, self.width = (size, size) if isinstance(size, int) else size
        if min(self.height, self.width) < 1 or scribble_resize not in ('nearest', 'released'):
            raise ConfigError(
                f"Resize: size={size} must be positive, scribble_resize={scribble_resize!r} 'nearest' or 'released'."
            )
        self.exact = exact
        self.scribble_resize = scribble_resize

    def transform(self, results: Results) -> Results:
        """Resize all frames and what is on their grid."""
        results['frames'] = [self._image(frame) for frame in results['frames']]
        results['geometry'] = [record.scaled(self.height, self.width) for record in results['geometry']]
        if 'saliency' in results:
            results['saliency'] = [self._linear(value) for value in results['saliency']]
        if 'labels' in results:
            released = self.scribble_resize == 'released'
            resize = self._released if released else self._nearest
            results['labels'] = [resize(value) for value in results['labels']]
        if 'box_maps' in results:
            results['box_maps'] = [nearest(value, (self.height, self.width)) for value in results['box_maps']]
        return results

    def _image(self, frame: np.ndarray) -> np.ndarray:
        return self._linear(frame.astype(np.float32) if self.exact else frame)

    def _linear(self, value: np.ndarray) -> np.ndarray:
        return cv2.resize(value, (self.width, self.height), interpolation=cv2.INTER_LINEAR)

    def _nearest(self, value: np.ndarray) -> np.ndarray:
        return nearest(value, (self.height, self.width))

    def _released(self, labels: np.ndarray) -> np.ndarray:
        codes = self._linear(_LABEL_TO_SCRIBBLE[labels])
        result = codes.astype(np.uint8)
        result[codes == 0] = UNKNOWN
        result[codes == 2] = 0
        return result


@TRANSFORMS.register_module()
class ResizeShorterSide(FrameTransform):
    """Bring the shorter side of all frames to a length, keeping the aspect.

    Args:
        length: In pixels.

    Raises:
        ConfigError: It is not positive.
    """

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ConfigError(f'ResizeShorterSide: length={length} must be positive.')
        self.length = length

    def transform(self, results: Results) -> Results:
        """Resize the frames, which have one size, and what is on their grid."""
        height, width = results['frames'][0].shape[:2]
        factor = self.length / min(height, width)
        return Resize((round(height * factor), round(width * factor))).transform(results)


def nearest(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (H, W) or (H, W, K), any K, at another size (height, width)."""
    if maps.ndim == 2:
        return cv2.resize(maps, size[::-1], interpolation=cv2.INTER_NEAREST)
    layers = [cv2.resize(maps[..., k], size[::-1], interpolation=cv2.INTER_NEAREST) for k in range(maps.shape[2])]
    return np.stack(layers, -1)


@TRANSFORMS.register_module()
class AntialiasedResize(FrameTransform):
    """Pillow's bilinear filter, which averages over all pixels that shrink into one; nearest for hard labels.

    Soft truth is resized as a float image, as the released code of RCRNet does with its labels. Slower than
    `Resize` (about ten times), and another function: use it where the published metrics depend on it.

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
        image = Image.fromarray(values if values.dtype == np.uint8 else values.astype(np.float32, copy=False))
        return np.array(image.resize((self.width, self.height), Image.Resampling.BILINEAR))
