"""Pairs of near pixels without unfolding: maps laid out flat, so that a neighbour is one 1-D slice away."""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor


def half_window(radius: int, dilation: int = 1) -> Iterator[tuple[int, int]]:
    """Offsets (dy, dx) of a square window that meet every unordered pair once: the half after the centre."""
    for dy in range(radius + 1):
        for dx in range(-radius, radius + 1):
            if dy > 0 or dx > 0:
                yield dy * dilation, dx * dilation


class FlatGrid:
    """Maps of one size in rows with a margin, images one after the other, flattened to one axis.

    The pixel at offset (dy, dx), both at most `margin` away, is then the entry `shift(dy, dx)` later, for all images
    at once: `flat[..., :-shift]` and `flat[..., shift:]` are contiguous, which makes a sweep over offsets three to
    five times faster than slices of two-dimensional maps. A neighbour outside the image falls into the margin.
    """

    def __init__(self, height: int, width: int, margin: int) -> None:
        self.height, self.width, self.margin = height, width, margin

    def flatten(self, maps: Tensor, fill: float = 0.0) -> Tensor:
        """(N, C, h, w) to (C, L), the margin filled with a value."""
        padded = F.pad(maps, (0, self.margin, 0, self.margin), value=fill)
        return padded.transpose(0, 1).reshape(maps.shape[1], -1)

    def restore(self, flat: Tensor) -> Tensor:
        """(C, L) to (N, C, h, w), the margin dropped."""
        padded = flat.view(flat.shape[0], -1, self.height + self.margin, self.width + self.margin)
        return padded[..., : self.height, : self.width].transpose(0, 1)

    def shift(self, dy: int, dx: int) -> int:
        """Distance along the flat axis to the pixel dy rows below and dx columns to the right."""
        return dy * (self.width + self.margin) + dx
