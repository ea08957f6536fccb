"""From a clip of three to what the generator sees."""

import numpy as np

from salseg.datasets.transforms import FrameTransform
from salseg.datasets.transforms.base import PER_FRAME, Results
from salseg.errors import DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SplitTriplet(FrameTransform):
    """Keep the middle frame of (i, k, j) as the set; the labels of i and j become its ``prompt``.

    The label of k alone stays a target, so nothing that is requested can be seen. Comes after all geometric transforms
    and after :class:`ComputeFlow`.
    """

    def transform(self, results: Results) -> Results:
        """The target with ``prompt`` (2, H, W) float32 in [0, 1], i first.

        Raises:
            DataError: The clip has not three frames, or its labels are not loaded as soft truth.
        """
        if len(results['frames']) != 3 or 'saliency' not in results:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: SplitTriplet takes three frames with soft truth, found '
                f'{len(results["frames"])} frames and {"soft truth" if "saliency" in results else "none"}. Use clips '
                'of three and LoadSoftLabels.'
            )
        left, _, right = results['saliency']
        results['prompt'] = np.stack([left, right]).astype(np.float32)
        for name in PER_FRAME:
            if results.get(name) is not None:
                results[name] = [results[name][1]]
        return results
