"""Pad images to a multiple of a stride and cut results back."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

Pad = tuple[int, int, int, int]


def even_padding(size: tuple[int, int], multiple: int, always: bool = False) -> Pad:
    """Pixels to add (left, right, top, bottom) so that both sides are multiples.

    Split evenly; an odd pixel goes to the right and to the bottom.

    Args:
        size: (H, W).
        multiple: Of which both sides shall be.
        always: Go to the next multiple even from one (RGMP's geometry).
    """
    pads: list[int] = []
    for side in (size[1], size[0]):
        total = multiple - side % multiple if always else -side % multiple
        pads += [total // 2, total - total // 2]
    return tuple(pads)


def pad_frames(frames: Tensor, pad: Pad, colour: Tensor | None = None) -> Tensor:
    """Add pixels around (..., H, W), 0 or, around (..., C, H, W), of a colour (C,)."""
    if not any(pad):
        return frames
    padded = F.pad(frames, pad)
    if colour is None:
        return padded
    inside = F.pad(frames.new_ones(frames.shape[-2:]), pad) > 0
    return padded.where(inside, colour.reshape(-1, 1, 1).to(frames))


def cut_padding(maps: Tensor, pad: Sequence[int]) -> Tensor:
    """Undo :func:`pad_frames` on maps (..., H, W)."""
    left, right, top, bottom = pad
    return maps[..., top : maps.shape[-2] - bottom, left : maps.shape[-1] - right]
