"""Resizing of maps with the alignment spelt out."""

import math

import torch.nn.functional as F
from torch import Tensor


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Height and width after scaling, rounded down as published code does (0.3 * 38 -> 11), at least one pixel."""
    return max(1, math.floor(size[0] * scale)), max(1, math.floor(size[1] * scale))


def resize(maps: Tensor, size: tuple[int, int], *, align_corners: bool = False) -> Tensor:
    """Bilinear resize without antialiasing; the very same tensor where the size is already right.

    Args:
        maps: (..., C, h, w), floating.
        size: Height and width of the result.
        align_corners: True maps corner pixel centres onto each other, False the corners of the images.

    Returns:
        (..., C, *size), of the given type.
    """
    size = (int(size[0]), int(size[1]))
    if tuple(maps.shape[-2:]) == size:
        return maps
    flat = maps.reshape(-1, *maps.shape[-3:]) if maps.dim() != 4 else maps
    out = F.interpolate(flat, size=size, mode='bilinear', align_corners=align_corners)
    return out if maps.dim() == 4 else out.reshape(*maps.shape[:-2], *size)
