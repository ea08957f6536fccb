"""Boxes as masks."""

import torch
from torch import Tensor


def fill_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Filled rectangles, one per box.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 in pixels, corners between pixels: (0, 0, W, H) is the whole image.
        size: (H, W).

    Returns:
        (N, H, W) bool, True on pixels whose centre is inside. What is outside the image is cut off.
    """
    height, width = size
    xs = torch.arange(width, device=boxes.device) + 0.5
    ys = torch.arange(height, device=boxes.device) + 0.5
    x0, y0, x1, y1 = (edge.unsqueeze(-1) for edge in boxes.unbind(-1))
    return ((ys > y0) & (ys < y1)).unsqueeze(-1) & ((xs > x0) & (xs < x1)).unsqueeze(-2)


def boxes_of_masks(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest boxes around masks.

    Args:
        masks: (N, H, W) bool.

    Returns:
        Boxes (N, 4) float x0, y0, x1, y1, corners between pixels, and which masks have a pixel at all, (N,) bool; the
        box of an empty mask is 0.
    """
    found = []
    for axis in (1, 2):
        line = masks.any(axis)
        places = torch.arange(line.shape[1], device=masks.device)
        first = torch.where(line, places, line.shape[1]).amin(1)
        last = torch.where(line, places + 1, 0).amax(1)
        found.append((first, last))
    (x0, x1), (y0, y1) = found
    valid = x1 > 0
    return torch.stack([x0, y0, x1, y1], 1).float() * valid.unsqueeze(1), valid


def disjoint_masks(masks: Tensor, overlap: str) -> Tensor:
    """Give every pixel to one mask only.

    Args:
        masks: (N, H, W) bool.
        overlap: Who gets a pixel that several claim: 'smaller', the mask with fewer pixels (the later one of two equal
            ones), or 'later', the last in order.

    Returns:
        (N, H, W) bool.

    Raises:
        ValueError: Another rule.
    """
    if overlap not in ('smaller', 'later'):
        raise ValueError(f"overlap={overlap!r}; expected 'smaller' or 'later'.")
    if overlap == 'later':
        order = torch.arange(len(masks))
    else:
        order = torch.argsort(masks.flatten(1).sum(1), descending=True, stable=True)
    owner = torch.full(masks.shape[1:], -1, dtype=torch.int64, device=masks.device)
    for index in order.tolist():
        owner[masks[index]] = index
    return owner == torch.arange(len(masks), device=masks.device)[:, None, None]
