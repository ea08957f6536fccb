"""Read frames and annotations."""

import os
import warnings

import cv2
import numpy as np

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import ConfigError, DataError, LabelError
from salseg.io.annotations import UNKNOWN, read_annotation, read_truth
from salseg.io.images import fit_orientation, read_image, read_orientation, turn_back
from salseg.registry import TRANSFORMS
from salseg.structures import FrameGeometry


@TRANSFORMS.register_module()
class LoadFrames(FrameTransform):
    """Decode ``frame_paths`` into ``frames`` and begin the geometry records; frames that are there already stay.

    Args:
        keep_original: Keep the images at their own size as ``original_images``, for overlays and smoothing.
    """

    def __init__(self, keep_original: bool = False) -> None:
        self.keep_original = keep_original

    def transform(self, results: Results) -> Results:
        """Add ``frames``, ``geometry`` and ``ori_shapes``."""
        frames = results.get('frames') or [read_image(path) for path in results['frame_paths']]
        results['frames'] = frames
        results['ori_shapes'] = [frame.shape[:2] for frame in frames]
        results['geometry'] = [FrameGeometry.whole(*shape) for shape in results['ori_shapes']]
        if self.keep_original:
            results['original_images'] = list(frames)
        return results


@TRANSFORMS.register_module()
class LoadLabels(FrameTransform):
    """Read annotations as training labels; comes after `LoadFrames`.

    The encoding is the data set's (``label_kind`` per frame). A frame without annotation becomes all unknown.

    Args:
        one_sided: A scribble of one class only: 'error' or 'allow' (its other class then adds nothing).
        mismatch: An annotation of another size than its image: 'error' or 'resize' (nearest).

    Raises:
        ConfigError: An option is unknown.
    """

    def __init__(self, one_sided: str = 'error', mismatch: str = 'error') -> None:
        if one_sided not in ('error', 'allow') or mismatch not in ('error', 'resize'):
            raise ConfigError(
                f"LoadLabels: one_sided={one_sided!r} must be 'error' or 'allow', mismatch={mismatch!r} 'error' or 'resize'."
            )
        self.one_sided = one_sided
        self.mismatch = mismatch

    def transform(self, results: Results) -> Results:
        """Add ``labels`` or ``saliency``.

        Raises:
            DataError: Sizes differ, or hard and soft labels are mixed.
            LabelError: A scribble lacks a class.
        """
        kinds = {kind for kind in results['label_kind'] if kind is not None}
        if 'soft' in kinds and len(kinds) > 1:
            raise DataError(f'{results["dataset"]} / {results["set_id"]} mixes soft and hard labels: {sorted(kinds)}.')
        given = results.pop('label_images', None)
        labels = [self._label(results, frame, given) for frame in range(len(results['frames']))]
        results['saliency' if kinds == {'soft'} else 'labels'] = labels
        return results

    def _label(self, results: Results, frame: int, given: list[np.ndarray] | None) -> np.ndarray:
        shape, path, kind = (
            results['frames'][frame].shape[:2],
            results['label_paths'][frame],
            results['label_kind'][frame],
        )
        if given is not None:
            label = given[frame]
        elif path is None:
            return np.full(shape, UNKNOWN, np.uint8)
        else:
            label = _as_image_is_stored(read_annotation(path, kind), shape, results['frame_paths'][frame])
        if label.shape != shape:
            label = self._resized(results, frame, label, shape)
        if kind == 'scribble' and self.one_sided == 'error':
            _check_both(path or results['set_id'], label)
        return label

    def _resized(self, results: Results, frame: int, label: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        if self.mismatch == 'error':
            raise DataError(
                f'image and annotation differ in size (height, width): {results["frame_paths"][frame]} is {shape}, '
                f'{results["label_paths"][frame]} is {label.shape}.\n  Fix the pair, take it off the list, or set '
                "LoadLabels(mismatch='resize'); `salseg check-data` lists all such pairs."
            )
        return cv2.resize(label, shape[::-1], interpolation=cv2.INTER_NEAREST)


def _check_both(where: str, label: np.ndarray) -> None:
    foreground, background = int((label == 1).sum()), int((label == 0).sum())
    if foreground and background:
        return
    lacking = 'object' if not foreground else 'background'
    raise LabelError(
        f'{where} has no {lacking} scribble ({foreground} object and {background} background pixels).\n'
        "  Draw one, take the image off the list, or set LoadLabels(one_sided='allow'): the image then adds nothing to "
        f'the {lacking} term.'
    )


@TRANSFORMS.register_module()
class LoadGroundTruth(FrameTransform):
    """Read annotations at their own size as ``gt_maps`` for the metrics, (H, W) uint8 on the 0-255 scale."""

    def transform(self, results: Results) -> Results:
        """Add ``gt_maps``; frames without annotation get None."""
        if 'gt_maps' in results:
            return results
        pairs = zip(results['label_paths'], results['label_kind'])
        truths = [None if path is None else read_truth(path, kind) for path, kind in pairs]
        shapes = results.get('ori_shapes') or [None] * len(truths)
        results['gt_maps'] = [
            truth if truth is None or shape is None else _as_image_is_stored(truth, shape, image)
            for truth, shape, image in zip(truths, shapes, results['frame_paths'])
        ]
        return results


def _as_image_is_stored(label: np.ndarray, shape: tuple[int, int], image: str) -> np.ndarray:
    """An annotation (h, w) of an image that is stored with size ``shape``, turned to fit it.

    Images and annotations are read as they are stored. A program that turns photos as EXIF says gives annotations that fit
    the turned photo only; these are turned back, and it is said. Where both orientations fit, nothing tells.
    """
    if label.shape == tuple(shape) or label.shape[::-1] != tuple(shape):
        return label
    # Drawn images have a name only.
    if not os.path.isfile(image) or not fit_orientation(image, label.shape):
        return label
    warnings.warn(
        f'the annotation of {image} fits it only as its EXIF orientation turns it, and is turned', stacklevel=2
    )
    return turn_back(label, read_orientation(image))
