"""From the transforms' dict to what the collate function takes."""

import cv2
import numpy as np
import torch

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import DataError
from salseg.registry import TRANSFORMS
from salseg.structures import SalDataSample
from salseg.structures.sample import META

_STACKED = ('labels', 'saliency', 'boxes', 'box_valid', 'object_valid', 'prompt', 'flow', 'guidance')
_LISTS = ('gt_maps', 'original_images')


@TRANSFORMS.register_module()
class PackFrames(FrameTransform):
    """Make ``inputs`` (T, 3, H, W), uint8 unless a resize kept floats, and one `SalDataSample`."""

    def transform(self, results: Results) -> Results:
        """The packed item.

        Raises:
            DataError: Frames differ in size at network size.
        """
        frames = results['frames']
        if len({frame.shape for frame in frames}) > 1:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: frames of one set differ in size at the network '
                f'({sorted({f.shape[:2] for f in frames})}). Put a Resize into the pipeline.'
            )
        # Written once, channel by channel, which OpenCV does ten times as fast as a transposed copy.
        planes = np.empty((len(frames), frames[0].shape[2], *frames[0].shape[:2]), frames[0].dtype)
        for plane, frame in zip(planes, frames):
            cv2.split(frame, list(plane))
        inputs = torch.from_numpy(planes)
        sample = SalDataSample(metainfo={name: results[name] for name in META if name in results})
        for name in _STACKED:
            if results.get(name) is not None:
                value = results[name]
                sample.set_data(
                    {name: torch.from_numpy(np.stack(value) if isinstance(value, list) else np.asarray(value))}
                )
        for name in _LISTS:
            if name in results:
                sample.set_data({name: list(results[name])})
        return dict(inputs=inputs, data_samples=sample.check())
