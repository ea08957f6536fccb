"""What random transforms of sets of frames share."""

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from salseg.errors import ConfigError

Results = dict[str, Any]
# What is on the frames' grid, and all that has an entry per frame.
LABEL_FIELDS = ('labels', 'saliency', 'box_maps')
PER_FRAME = (
    'frames', 'frame_ids', 'frame_paths', 'label_paths', 'label_kind', 'label_images', 'ori_shapes', 'geometry',
    'labels', 'saliency', 'box_maps', 'given_boxes', 'gt_maps', 'original_images',
)  # fmt: skip


def mirrored(values: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, K), any K, with left and right exchanged, in one piece."""
    if values.dtype in (np.uint8, np.float32) and values.size and (values.ndim == 2 or values.shape[2] <= 4):
        # In a tenth of numpy's time; it drops a single channel.
        return cv2.flip(values, 1).reshape(values.shape)
    return np.ascontiguousarray(values[:, ::-1])


class FrameTransform(BaseTransform):
    """A transform of the dict that a data set's ``describe`` began.

    ``frames`` is a list of T images (H, W, 3), uint8 or float32 on the 0-255 scale, RGB; ``labels`` a list of (H, W)
    uint8 in salseg's encoding and ``saliency`` of (H, W) float32 in [0, 1], where loaded; ``geometry`` the frames' records;
    ``box_maps`` a list of (H, W, K) uint8 filled boxes of K objects, where boxes were read from a file; ``rng`` the item's
    own generator: nothing may draw from another; ``draw`` the number of the draw, from 0;
    ``trial`` how often this draw was drawn again, where it was.
    """

    @staticmethod
    def rng(results: Results) -> np.random.Generator:
        """The item's generator."""
        return results['rng']


class RandomFrameTransform(FrameTransform):
    """A transform that draws for the whole set at once or for every frame.

    Args:
        per: 'clip' draws once for all frames, 'frame' for each.

    Raises:
        ConfigError: ``per`` is unknown.
    """

    def __init__(self, per: str = 'clip') -> None:
        if per not in ('clip', 'frame'):
            raise ConfigError(f"{type(self).__name__}: per={per!r}; expected 'clip' or 'frame'.")
        self.per = per

    def draws(self, results: Results) -> list[Any]:
        """What `draw` gave, one entry per frame."""
        count = len(results['frames'])
        if self.per == 'clip':
            return [self.draw(self.rng(results))] * count
        return [self.draw(self.rng(results)) for _ in range(count)]

    def draw(self, rng: np.random.Generator) -> Any:
        """One draw."""
        raise TypeError(f'{type(self).__name__} must define draw')
