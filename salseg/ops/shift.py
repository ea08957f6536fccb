"""The value of a neighbour at every pixel."""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor


def shift(maps: Tensor, dy: int, dx: int, fill: float = 0.0) -> Tensor:
    """(..., h, w) with the value of the pixel (dy, dx) further at each place; `fill` where that is outside."""
    height, width = maps.shape[-2:]
    padded = F.pad(maps, (max(0, -dx), max(0, dx), max(0, -dy), max(0, dy)), value=fill)
    top, left = max(0, dy), max(0, dx)
    return padded[..., top : top + height, left : left + width]


def window_offsets(radius: int, dilation: int = 1, centre: bool = False) -> Iterator[tuple[int, int]]:
    """Offsets (dy, dx) of a square window, row by row."""
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            if centre or dy or dx:
                yield dy * dilation, dx * dilation
