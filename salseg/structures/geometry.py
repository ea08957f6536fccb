"""How a frame was cropped, scaled, mirrored and padded on its way into the network, and the way back."""

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class FrameGeometry:
    """Record of one frame: crop, then scale, then mirror, then pad.

    Attributes:
        ori_shape: (height, width) of the stored image.
        crop: (x0, y0, x1, y1) of the part that was used, in pixels of the stored image; may be fractional.
        size: (height, width) of that part after scaling, before padding.
        flip: Whether it was mirrored left to right.
        pad: Pixels added (left, top, right, bottom).
    """

    ori_shape: tuple[int, int]
    crop: tuple[float, float, float, float] = field(default=(0.0, 0.0, 0.0, 0.0))
    size: tuple[int, int] = (0, 0)
    flip: bool = False
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)

    @classmethod
    def whole(cls, height: int, width: int) -> 'FrameGeometry':
        """The record of an untouched image."""
        return cls((height, width), (0.0, 0.0, float(width), float(height)), (height, width))

    def scaled(self, height: int, width: int) -> 'FrameGeometry':
        """After resizing to (height, width). Padding must come last."""
        return replace(self, size=(height, width))

    def cropped(self, x0: int, y0: int, x1: int, y1: int) -> 'FrameGeometry':
        """After keeping columns x0..x1 and rows y0..y1 of the present image."""
        height, width = self.size
        if self.flip:
            x0, x1 = width - x1, width - x0
        left, top, right, bottom = self.crop
        across, down = (right - left) / width, (bottom - top) / height
        crop = (left + x0 * across, top + y0 * down, left + x1 * across, top + y1 * down)
        return replace(self, crop=crop, size=(y1 - y0, x1 - x0))

    def flipped(self) -> 'FrameGeometry':
        """After mirroring left to right."""
        return replace(self, flip=not self.flip)

    def padded(self, left: int, top: int, right: int, bottom: int) -> 'FrameGeometry':
        """After adding pixels around."""
        old = self.pad
        return replace(self, pad=(old[0] + left, old[1] + top, old[2] + right, old[3] + bottom))

    def undo(self, maps: Tensor, mode: str = 'bilinear', align_corners: bool | None = False, fill: float = 0) -> Tensor:
        """Take maps from network size back to the stored image's size.

        Args:
            maps: (C, h, w) at network size.
            mode: 'bilinear' for maps and logits, 'nearest' for labels.
            align_corners: As in :func:`torch.nn.functional.interpolate`; ignored for 'nearest'.
            fill: Value outside the crop.

        Returns:
            (C, height, width) at the stored size.
        """
        left, top, right, bottom = self.pad
        maps = maps[..., top : maps.shape[-2] - bottom, left : maps.shape[-1] - right]
        if self.flip:
            maps = maps.flip(-1)
        x0, y0, x1, y1 = (round(value) for value in self.crop)
        size = (y1 - y0, x1 - x0)
        if tuple(maps.shape[-2:]) != size:
            corners = None if mode == 'nearest' else align_corners
            maps = F.interpolate(maps[None], size=size, mode=mode, align_corners=corners)[0]
        if size == self.ori_shape:
            return maps
        whole = torch.full((*maps.shape[:-2], *self.ori_shape), fill, dtype=maps.dtype, device=maps.device)
        whole[..., y0:y1, x0:x1] = maps
        return whole
