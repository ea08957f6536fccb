"""Learn from boxes: read them, or put them in the place of masks."""

import numpy as np
import torch

from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.datasets.transforms.sampling import draw_objects
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import UNKNOWN
from salseg.io.box_files import BoxTable, read_boxes
from salseg.ops.boxes import boxes_of_masks, disjoint_masks, fill_boxes
from salseg.ops.geometry import map_size
from salseg.registry import TRANSFORMS

# What tells where an object is besides its box or its scribbles.
MASK_FIELDS = ('labels', 'label_images', 'label_paths', 'saliency', 'box_maps', 'given_boxes', 'gt_maps')


@TRANSFORMS.register_module()
class LoadBoxes(FrameTransform):
    """Boxes instead of masks: no mask file is opened; comes after `LoadFrames`.

    Adds ``box_maps``, a filled box per object and frame, which geometric transforms move like labels;
    `MasksToBoxes` at the pipeline's end puts boxes around them. Objects are drawn from those of the first frame.

    Args:
        file: CSV or JSON, see `salseg.io.box_files.read_boxes`; None where the data set was given one
            (``boxes=``).
        max_objects: Slots (K) for the objects of a clip; 'all' gives every object of the first frame one, for
            `SelectObjects` after the augmentation; None for saliency: all boxes of an image are one object.

    Raises:
        ConfigError: ``max_objects`` is not positive or another word.
        DataError: The file cannot be used.
    """

    def __init__(self, file: str | None = None, max_objects: int | str | None = None) -> None:
        given = isinstance(max_objects, int) and 1 <= max_objects < UNKNOWN
        if not given and max_objects not in (None, 'all'):
            raise ConfigError(f"LoadBoxes: max_objects={max_objects!r}; expected None, 'all' or 1 to {UNKNOWN - 1}.")
        self.max_objects = max_objects
        self.table: BoxTable | None = None if file is None else read_boxes(file)
        self.file = file

    def transform(self, results: Results) -> Results:
        """Add ``box_maps`` and, with slots, ``object_ids`` and ``object_valid``.

        Raises:
            DataError: No boxes were given, or the file has none of this image.
        """
        given = results.pop('given_boxes', None) if self.table is None else self._look_up(self.table, results)
        if given is None:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: there are no boxes. Name a file, LoadBoxes(file=...), or '
                "the data set's boxes=..."
            )
        frames = [tuple(frame.shape[:2]) for frame in results['frames']]
        if self.max_objects is None:
            results['box_maps'] = [
                np.any(_filled(list(b.values()), s), axis=0)[..., None] for b, s in zip(given, frames)
            ]
        else:
            most = max(1, len(given[0])) if isinstance(self.max_objects, str) else self.max_objects
            chosen = draw_objects(list(given[0]), most, self.rng(results))
            slots = [*chosen, *[None] * (most - len(chosen))]
            results['box_maps'] = [
                np.moveaxis(_filled([b.get(i, (0, 0, 0, 0)) for i in slots], s), 0, -1) for b, s in zip(given, frames)
            ]
            results['object_ids'] = tuple(chosen)
            results['object_valid'] = np.arange(most) < max(1, len(chosen))
        results['box_maps'] = [np.ascontiguousarray(maps, np.uint8) for maps in results['box_maps']]
        return results

    def _look_up(self, table: BoxTable, results: Results) -> list[dict]:
        places = [(place, frame) for frame in results['frame_ids'] for place in (results['set_id'], '')]
        found = [table.get(place) for place in places]
        if not any(found):
            raise DataError(
                f'{self.file} has no box of {results["set_id"]} / {results["frame_ids"][0]}: set and frame must be named '
                'as in the data set.'
            )
        return [first or second or {} for first, second in zip(found[::2], found[1::2])]


@TRANSFORMS.register_module()
class MasksToBoxes(FrameTransform):
    """Replace masks by their bounding boxes; comes last before packing.

    Adds ``boxes`` (T, K, 4) and ``box_valid`` (T, K). Labels become 255, unknown, inside the boxes and 0 outside; frames
    without annotation stay unknown. Nothing else that shows an object's shape is left. Boxes are put around what
    augmentation made of masks, or of the boxes read by `LoadBoxes`.

    Args:
        prompt: What a model that tracks objects is given in the first frame: 'box', filled boxes (the smaller one in
            front), or 'mask', the exact masks, as in tables 4.5 and 4.6 of the thesis on box-trained XMem.
        filled: Label filled boxes as if they were masks, the smaller one in front; a model that tracks objects can begin
            with these and any loss for masks. False leaves what is inside unknown.

    Raises:
        ConfigError: Another prompt.
    """

    def __init__(self, prompt: str = 'box', filled: bool = False) -> None:
        if prompt not in ('box', 'mask'):
            raise ConfigError(f"MasksToBoxes: prompt={prompt!r}; expected 'box' or 'mask'.")
        self.prompt, self.filled = prompt, filled

    def transform(self, results: Results) -> Results:
        """The item with boxes only.

        Raises:
            DataError: There is neither mask nor box, or an exact mask is requested and only boxes are there.
        """
        slots = results.get('object_valid')
        masks, known = self._masks(results, 1 if slots is None else len(slots))
        flat = torch.from_numpy(masks).flatten(0, 1)
        boxes, valid = boxes_of_masks(flat)
        filled = fill_boxes(boxes, map_size(flat)) & valid[:, None, None]
        inside = filled.unflatten(0, masks.shape[:2]).any(1).numpy()
        if slots is not None:
            if self.prompt == 'mask' and 'box_maps' in results:
                raise DataError("MasksToBoxes(prompt='mask') needs masks, but boxes were read from a file.")
            first = masks[0] if self.prompt == 'mask' else disjoint_masks(filled[: len(slots)], 'smaller').numpy()
            results['prompt'] = first
        for name in MASK_FIELDS:
            results.pop(name, None)
        labels = np.where(inside, UNKNOWN, 0).astype(np.uint8)
        if self.filled:
            ids = np.arange(1, masks.shape[1] + 1, dtype=np.uint8)[:, None, None]
            fronts = [disjoint_masks(frame, 'smaller').numpy() for frame in filled.unflatten(0, masks.shape[:2])]
            labels = np.stack([(front * ids).max(0) for front in fronts])
        labels[~known] = UNKNOWN
        results['labels'] = list(labels)
        results['boxes'] = boxes.unflatten(0, masks.shape[:2]).numpy()
        results['box_valid'] = valid.unflatten(0, masks.shape[:2]).numpy()
        return results

    def _masks(self, results: Results, slots: int) -> tuple[np.ndarray, np.ndarray]:
        """(T, K, H, W) bool, and which frames are annotated."""
        if 'box_maps' in results:
            masks = np.moveaxis(np.stack(results['box_maps']), -1, 1) > 0
            return np.ascontiguousarray(masks), np.ones(len(masks), bool)
        if 'saliency' in results:
            masks = np.stack(results['saliency'])[:, None] >= 0.5
            return masks, np.ones(len(masks), bool)
        if 'labels' not in results:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: MasksToBoxes found neither masks nor boxes; put LoadLabels '
                'or LoadBoxes before it.'
            )
        labels = np.stack(results['labels'])
        known = (labels != UNKNOWN).any((1, 2))
        if results.get('object_valid') is None:
            return ((labels > 0) & (labels < UNKNOWN))[:, None], known
        return labels[:, None] == np.arange(1, slots + 1, dtype=np.uint8)[:, None, None], known


def _filled(boxes: list, size: tuple[int, int]) -> np.ndarray:
    if not boxes:
        return np.zeros((1, *size), bool)
    return fill_boxes(torch.tensor(boxes, dtype=torch.float32), size).numpy()
