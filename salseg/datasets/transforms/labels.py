"""Change labels: soft pseudo-labels, scribbles drawn from masks."""

import zlib

import cv2
import numpy as np

from salseg.datasets.synthetic.scribbles import BACKGROUND, OBJECT, draw_scribbles
from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.datasets.transforms.boxes import MASK_FIELDS
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.registry import TRANSFORMS

# Of labels, 1 for every object.
_FOREGROUND = np.ones(256, np.float32)
_FOREGROUND[[0, UNKNOWN]] = 0


@TRANSFORMS.register_module()
class LoadSoftLabels(FrameTransform):
    """Read annotations as ``saliency`` in [0, 1]: hard masks as 0 and 1, 8-bit pseudo-labels as they are.

    Kept truth and pseudo-labels of one clip may therefore differ in their encoding. Comes after `LoadFrames`.

    Args:
        missing: A frame without annotation: 'error', or 'zero' for a frame whose truth is never looked at.
        mismatch: An annotation of another size than its image: 'error' or 'resize' (bilinear).

    Raises:
        ConfigError: An option is unknown.
    """

    def __init__(self, missing: str = 'error', mismatch: str = 'error') -> None:
        if missing not in ('error', 'zero') or mismatch not in ('error', 'resize'):
            raise ConfigError(
                f"LoadSoftLabels: missing={missing!r} must be 'error' or 'zero', mismatch={mismatch!r} 'error' or "
                "'resize'."
            )
        self.missing = missing
        self.mismatch = mismatch

    def transform(self, results: Results) -> Results:
        """Add ``saliency``.

        Raises:
            DataError: A frame has no annotation, or one of another size, where that is not allowed; or it is a
                scribble.
        """
        given = results.pop('label_images', None)
        results['saliency'] = [self._label(results, frame, given) for frame in range(len(results['frames']))]
        return results

    def _label(self, results: Results, frame: int, given: list[np.ndarray | None] | None) -> np.ndarray:
        shape = results['frames'][frame].shape[:2]
        path, kind = results['label_paths'][frame], results['label_kind'][frame]
        label = given[frame] if given is not None else None if path is None else read_annotation(path, kind)
        where = f'{results["dataset"]} / {results["set_id"]} / {results["frame_ids"][frame]}'
        if label is None:
            if self.missing == 'error':
                raise DataError(
                    f'{where} has no annotation, and soft truth cannot say "unknown". Sample annotated frames only, or '
                    'use LoadLabels, whose code 255 the losses leave out.'
                )
            return np.zeros(shape, np.float32)
        if kind == 'scribble':
            raise DataError(
                f'{where} is a scribble: most of it is unknown, which soft truth cannot say. Use LoadLabels.'
            )
        soft = label if label.dtype == np.float32 else cv2.LUT(label, _FOREGROUND)
        if soft.shape != shape:
            soft = self._resized(soft, shape, f'{results["frame_paths"][frame]}', path or where)
        return soft

    def _resized(self, soft: np.ndarray, shape: tuple[int, int], image: str, path: str) -> np.ndarray:
        if self.mismatch == 'error':
            raise DataError(
                f'image and annotation differ in size (height, width): {image} is {shape}, {path} is '
                f'{soft.shape}.\n'
                "  Fix the pair, take it off the list, or set LoadSoftLabels(mismatch='resize')."
            )
        return cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR)


@TRANSFORMS.register_module()
class MasksToScribbles(FrameTransform):
    """Replace masks by synthetic scribbles; comes after the labels are loaded.

    A frame has the same scribbles whenever it is seen: they depend on the seed, its set and its name, not on the epoch.
    Labels become 1 on scribbles of the object, 0 on those of the background, 255, unknown, elsewhere. A frame without
    object has scribbles of the background only, one without annotation none.

    Args:
        seed: Another one gives other scribbles.
        width, sloppiness: See `salseg.datasets.synthetic.draw_scribbles`.
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
