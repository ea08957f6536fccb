"""A still image as a clip."""

from salseg.datasets.transforms.base import PER_FRAME, FrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RepeatFrame(FrameTransform):
    """Show an image several times; transforms with ``per='frame'`` behind it then make each view another one.

    Comes after the image and its labels were read.

    Args:
        length: Frames of the clip (T).

    Raises:
        ConfigError: It is not positive.
    """

    def __init__(self, length: int = 3) -> None:
        if length < 1:
            raise ConfigError(f'RepeatFrame: length={length} must be positive.')
        self.length = length

    def transform(self, results: Results) -> Results:
        """The first frame, repeated; arrays are shared until a transform replaces them."""
        for name in PER_FRAME:
            if results.get(name) is not None:
                results[name] = list(results[name][:1]) * self.length
        results['frame_ids'] = [f'{results["frame_ids"][0]}_{view}' for view in range(self.length)]
        results['ordered'] = True
        return results
