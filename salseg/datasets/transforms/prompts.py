"""Prompts: of training clips, and with the truth of single frames of a video."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.datasets.transforms.pack import PackFrames
from salseg.errors import DataError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.registry import TRANSFORMS

_PLACE = ('frame_index', 'video_length', 'prompt_kind')


def read_objects(files: Sequence[Path], encoding: str, merge: bool = False) -> np.ndarray:
    """Ids (H, W) uint8 of one label file, or of a binary file per object.

    Args:
        files: One label file, or files of the objects 1, 2, ...; where they overlap the later one counts.
        encoding: 'index', 'union', or 'binary'.
        merge: Whether all objects become object 1.
    """
    if encoding != 'binary':
        labels = read_annotation(files[0], encoding)
    else:
        masks = [read_annotation(file, 'binary') > 0 for file in files]
        labels = np.zeros(masks[0].shape, np.uint8)
        for number, mask in enumerate(masks, start=1):
            labels[mask] = number
    if merge:
        labels = np.where((labels > 0) & (labels < UNKNOWN), 1, labels).astype(np.uint8)
    return labels


@TRANSFORMS.register_module()
class FirstFramePrompt(FrameTransform):
    """Give a model that tracks objects the exact masks of the first frame, ``prompt`` (K, H, W) bool.

    Comes after `SelectObjects` and all augmentation.
    """

    def transform(self, results: Results) -> Results:
        """The same item with its prompt.

        Raises:
            DataError: The item has no objects.
        """
        if 'labels' not in results or results.get('object_valid') is None:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: FirstFramePrompt found no objects; put LoadLabels and '
                'SelectObjects before it.'
            )
        ids = np.arange(1, len(results['object_valid']) + 1, dtype=np.uint8)
        results['prompt'] = results['labels'][0] == ids[:, None, None]
        return results


@TRANSFORMS.register_module()
class LoadPrompt(FrameTransform):
    """Add ``prompt``, (H, W) uint8 ids given in this frame, if any are; comes after `LoadFrames`."""

    def transform(self, results: Results) -> Results:
        """The same results; a frame whose annotation is empty gives no prompt.

        Raises:
            DataError: Image and annotation differ in size.
        """
        if not results['prompted']:
            return results
        labels = read_objects(results['annotation'], results['encoding'], results['merge_objects'])
        shape = results['frames'][0].shape[:2]
        if labels.shape != shape:
            raise DataError(
                f'{results["annotation"][0]} is {labels.shape}, its image {results["frame_paths"][0]} {shape} '
                '(height, width); masks must have the size of the frames.'
            )
        if results['prompt_ids'] is not None and not results['merge_objects']:
            labels = np.where(np.isin(labels, results['prompt_ids']), labels, 0).astype(np.uint8)
        if ((labels > 0) & (labels < UNKNOWN)).any():
            results['prompt'] = labels
        return results


@TRANSFORMS.register_module()
class LoadObjectMaps(FrameTransform):
    """Add ``gt_labels``, one (H, W) uint8 map of ids, for metrics; None where the frame has no annotation."""

    def transform(self, results: Results) -> Results:
        """The same results."""
        files = results['annotation']
        labels = read_objects(files, results['encoding'], results['merge_objects']) if files else None
        results['gt_labels'] = [labels]
        return results


@TRANSFORMS.register_module()
class PackVideoFrame(PackFrames):
    """As `PackFrames`, and the frame's position in its video, which a tracker needs."""

    def transform(self, results: Results) -> Results:
        """The packed item."""
        prompt = results.pop('prompt', None)
        packed = super().transform(results)
        sample = packed['data_samples']
        sample.set_metainfo({name: results[name] for name in _PLACE})
        if 'gt_labels' in results:
            sample.gt_labels = results['gt_labels']
        if prompt is not None:
            sample.prompt = torch.from_numpy(prompt)
        return packed
