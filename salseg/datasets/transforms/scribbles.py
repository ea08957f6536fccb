"""Learn from scribbles where masks are at hand."""

import zlib

import numpy as np

from salseg.datasets.reading import UNKNOWN
from salseg.datasets.synthetic.scribbles import BACKGROUND, OBJECT, draw_scribbles
from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.datasets.transforms.boxes import MASK_FIELDS
from salseg.errors import DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class MasksToScribbles(FrameTransform):
    """Put drawn scribbles in the place of masks, and take the masks away; comes after the labels were read.

    A frame has the same scribbles whenever it is seen: they depend on the seed, its set and its name, not on the epoch.
    Labels become 1 on scribbles of the object, 0 on those of the background, 255, unknown, elsewhere. A frame without
    object has scribbles of the background only, one without annotation none.

    Args:
        seed: Another one gives other scribbles.
        width, sloppiness: See :func:`salseg.datasets.synthetic.draw_scribbles`.
    """

    def __init__(self, seed: int = 0, width: float | None = None, sloppiness: float = 0.0) -> None:
        self.seed = seed
        self.width = width
        self.sloppiness = sloppiness

    def transform(self, results: Results) -> Results:
        """The item with scribbles only.

        Raises:
            DataError: There are no masks, or they are of several objects with slots of their own.
        """
        place = f'{results["dataset"]} / {results["set_id"]}'
        if results.get('object_valid') is not None:
            raise DataError(f'{place}: MasksToScribbles knows one object, not several with slots of their own.')
        if 'saliency' in results:
            masks = [frame >= 0.5 for frame in results['saliency']]
            known = [True] * len(masks)
        elif 'labels' in results:
            masks = [(frame > 0) & (frame < UNKNOWN) for frame in results['labels']]
            known = [bool((frame != UNKNOWN).any()) for frame in results['labels']]
        else:
            raise DataError(f'{place}: MasksToScribbles found no masks; put LoadLabels or LoadSoftLabels before it.')
        for name in MASK_FIELDS:
            results.pop(name, None)
        names = [f'{results["set_id"]}/{frame}' for frame in results['frame_ids']]
        results['labels'] = [self._scribbles(*frame) for frame in zip(masks, known, names)]
        return results

    def _scribbles(self, mask: np.ndarray, known: bool, name: str) -> np.ndarray:
        labels = np.full(mask.shape, UNKNOWN, np.uint8)
        if known:
            rng = np.random.default_rng((self.seed, zlib.crc32(name.encode())))
            codes = draw_scribbles(mask, rng, width=self.width, sloppiness=self.sloppiness, allow_empty=True)
            labels[codes == OBJECT] = 1
            labels[codes == BACKGROUND] = 0
        return labels
