"""What a user marks in a frame: masks, boxes or a label map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.errors import DataError
from salseg.ops.boxes import boxes_of_masks, disjoint_masks, fill_boxes
from salseg.ops.geometry import map_size

MAX_ID = 254
_UNKNOWN = 255


@dataclass(frozen=True)
class Prompt:
    """Objects given in one frame, each under an id of the user's choice, 1 to 254.

    An id that is not tracked yet is a new object; one that is tracked is corrected: in this frame the given mask
    replaces what was predicted. Objects that are not given keep their prediction outside the given masks.

    Build it with `from_masks`, `from_boxes` or `from_labels`.

    Attributes:
        ids: Of the given objects, ascending.
        masks: (n, H, W) bool, disjoint, in the order of the ids.
        from_box: Whether each mask is a filled box, (n,).
    """

    ids: tuple[int, ...]
    masks: Tensor
    from_box: tuple[bool, ...]

    @classmethod
    def from_masks(cls, masks: Mapping[int, Any], overlap: str = 'smaller') -> 'Prompt':
        """Prompt of a mask per object.

        Args:
            masks: By id, (H, W) bool, or numbers of which those above 0 are the object.
            overlap: Who gets a pixel that several masks claim, 'smaller' (the smaller mask) or 'later' (the larger id).

        Raises:
            DataError: No object, an id outside 1..254, masks of different sizes, or an unknown rule.
        """
        ids = _checked_ids(masks)
        found = [
            torch.as_tensor(np.asarray(masks[i]) if not isinstance(masks[i], Tensor) else masks[i]) > 0 for i in ids
        ]
        shapes = sorted({tuple(mask.shape) for mask in found})
        if len(shapes) > 1 or len(shapes[0]) != 2:
            raise DataError(f'the masks of the objects {ids} have the shapes {shapes}; expected one shape (H, W).')
        return cls(tuple(ids), _disjoint(torch.stack(found), overlap), (False,) * len(ids))

    @classmethod
    def from_boxes(
        cls, boxes: Mapping[int, Sequence[float]], size: tuple[int, int], overlap: str = 'smaller'
    ) -> 'Prompt':
        """Prompt of a box per object; the box is filled.

        Args:
            boxes: By id, (x0, y0, x1, y1) in pixels, corners between pixels; what is outside the image is cut off.
            size: (H, W) of the frame.
            overlap: As in `from_masks`, decided by the boxes' areas.

        Raises:
            DataError: No object, an id outside 1..254, or a box without a pixel in the image.
        """
        ids = _checked_ids(boxes)
        for index in ids:
            if len(boxes[index]) != 4:
                raise DataError(f'the box of object {index} is {boxes[index]}; expected four numbers x0, y0, x1, y1.')
        filled = fill_boxes(torch.tensor([[float(v) for v in boxes[i]] for i in ids]), size)
        for index, mask in zip(ids, filled):
            if not mask.any():
                raise DataError(
                    f'the box {tuple(boxes[index])} of object {index} holds no pixel of the {size[1]}x{size[0]} '
                    'image; expected x0 < x1 and y0 < y1 in pixels, inside the image.'
                )
        return cls(tuple(ids), _disjoint(filled, overlap), (True,) * len(ids))

    @classmethod
    def from_labels(cls, labels: Any, known: Sequence[int] = (), exhaustive: bool = False) -> 'Prompt':
        """Prompt of a label map.

        Args:
            labels: (H, W) integers: 0 no object given here, 1..254 ids, 255 unknown.
            known: Ids tracked so far; used with ``exhaustive``.
            exhaustive: The map shows all objects: known ones that it lacks are absent from this frame. Otherwise 0
                means "not said", and known objects keep their prediction there.

        Raises:
            DataError: It is no map of integers, or it holds no object.
        """
        array = labels if isinstance(labels, Tensor) else torch.as_tensor(np.asarray(labels))
        if array.ndim != 2 or array.is_floating_point():
            raise DataError(
                f'the label map has shape {tuple(array.shape)} and type {array.dtype}; expected (H, W) integers. A '
                'probability map is given with Prompt.from_masks({id: map > 0.5}).'
            )
        found = [int(i) for i in torch.unique(array) if i != 0 and i != _UNKNOWN]
        ids = sorted(set(found) | set(known)) if exhaustive else found
        if not ids:
            raise DataError(
                'the label map holds no object: all its pixels are 0 or 255. Give no prompt for this frame.'
            )
        _checked_ids(dict.fromkeys(ids))
        masks = array == torch.tensor(ids, dtype=array.dtype, device=array.device)[:, None, None]
        return cls(tuple(ids), masks, (False,) * len(ids))

    def boxed(self, overlap: str = 'smaller') -> 'Prompt':
        """The smallest boxes around the masks, filled; an empty mask stays empty."""
        boxes, valid = boxes_of_masks(self.masks)
        filled = fill_boxes(boxes, self.size) & valid[:, None, None]
        return Prompt(self.ids, _disjoint(filled, overlap), (True,) * len(self.ids))

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return map_size(self.masks)

    def resized(self, size: tuple[int, int]) -> 'Prompt':
        """The same objects at another size, nearest neighbour; an object too small for that keeps a pixel."""
        if size == self.size:
            return self
        masks = F.interpolate(self.masks[None].float(), size=size, mode='nearest')[0] > 0
        lost = self.masks.flatten(1).any(1) & ~masks.flatten(1).any(1)
        if lost.any():
            masks[lost] = F.adaptive_max_pool2d(self.masks[lost].float(), size) > 0
        return replace(self, masks=masks)

    def flipped(self) -> 'Prompt':
        """The same objects mirrored left to right."""
        return replace(self, masks=self.masks.flip(-1))

    def to(self, device: torch.device | str) -> 'Prompt':
        """The same on another device."""
        return replace(self, masks=self.masks.to(device))

    def only(self, wanted: Sequence[bool]) -> 'Prompt':
        """The objects whose entry is true."""
        keep = [i for i, use in enumerate(wanted) if use]
        return Prompt(tuple(self.ids[i] for i in keep), self.masks[keep], tuple(self.from_box[i] for i in keep))


def merge_prompt(
    predicted: Tensor | None, given: Tensor, known: Sequence[int], given_ids: Sequence[int], ids: Sequence[int]
) -> Tensor:
    """Masks of all objects (K, H, W): the given ones, and the predicted ones where none is given.

    Args:
        predicted: (1 + len(known), H, W), background first; None without a prediction.
        given: (n, H, W) of the objects ``given_ids``.
        known, given_ids, ids: Objects predicted, given, and all in order.
    """
    masks = given.new_zeros((len(ids), *given.shape[1:]))
    if predicted is not None:
        free = given.sum(0) <= 0.5
        for place, index in enumerate(known):
            masks[ids.index(index)] = predicted[place + 1] * free
    for place, index in enumerate(given_ids):
        masks[ids.index(index)] = given[place]
    return masks


def _checked_ids(given: Mapping[int, Any]) -> list[int]:
    if not given:
        raise DataError('the prompt names no object; give at least one, or no prompt for this frame.')
    wrong = [i for i in given if isinstance(i, bool) or not isinstance(i, int | np.integer) or not 1 <= i <= MAX_ID]
    if wrong:
        raise DataError(
            f'the object ids {wrong} cannot be used; expected whole numbers from 1 to {MAX_ID} (0 is background).'
        )
    return sorted(int(i) for i in given)


def _disjoint(masks: Tensor, overlap: str) -> Tensor:
    try:
        return disjoint_masks(masks, overlap)
    except ValueError as error:
        raise DataError(str(error)) from None
