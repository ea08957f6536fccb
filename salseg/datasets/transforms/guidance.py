"""Masks computed beforehand."""

from pathlib import Path

import numpy as np

from salseg.datasets.guidance import checksum, read_guidance, read_record
from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadGuidance(FrameTransform):
    """Read the masks that ``salseg precompute guidance`` wrote as ``guidance``; comes after resizing and flipping.

    Args:
        folder: What was written.
        check: Compare the checksum of each image's file with that of the image that the mask was made of.

    Raises:
        DataError: The folder holds no such masks.
    """

    def __init__(self, folder: str, check: bool = True) -> None:
        self.folder = Path(folder)
        self.check = check
        self.record = read_record(self.folder)

    def transform(self, results: Results) -> Results:
        """Add ``guidance``, (1, h, w) float32 in [0, 1] per frame.

        Raises:
            DataError: A mask is missing or of another image, or frames were cropped.
        """
        results['guidance'] = [self._mask(results, frame) for frame in range(len(results['frame_ids']))]
        return results

    def _mask(self, results: Results, frame: int) -> np.ndarray:
        key, path = f'{results["set_id"]}/{results["frame_ids"][frame]}', results['frame_paths'][frame]
        known = self.record.frames.get(key)
        if known is None:
            raise DataError(
                f'{self.folder} has no mask of {key}, only of {len(self.record.frames)} other frames. Run `salseg '
                'precompute guidance` on this data set.'
            )
        if self.check and known[0] != checksum(path):
            raise DataError(f'the mask of {key} in {self.folder} is of another image than {path}: make it again.')
        geometry = results['geometry'][frame]
        height, width = geometry.ori_shape
        if geometry.crop != (0.0, 0.0, float(width), float(height)):
            raise DataError(f'{key}: masks of whole images do not fit a cropped frame; leave out the crop.')
        mask = read_guidance(self.folder / f'{key}.png')
        return np.ascontiguousarray(mask[:, ::-1] if geometry.flip else mask)[None]
