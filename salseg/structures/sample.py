"""One data sample: a set of frames, with the geometry of each."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement
from torch import Tensor

from salseg.errors import DataError

InputType = Literal['image', 'group', 'clip', 'video']
"""One input of a model and one item of a data set: an image, a group of images with something in common, consecutive
frames, or a video frame by frame with prompts."""


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
            align_corners: As in `torch.nn.functional.interpolate`; ignored for 'nearest'.
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


_FRAME_FIELDS = {'labels': 3, 'saliency': 3, 'boxes': 3, 'box_valid': 2}
META = (
    'dataset', 'set_id', 'frame_ids', 'frame_paths', 'ordered', 'ori_shapes', 'geometry', 'object_ids', 'label_kind',
    'label_paths', 'pixel_mean', 'pixel_std', 'saved',
)  # fmt: skip


class SalDataSample(BaseDataElement):
    """Everything about one set of T frames except its pixels.

    An image is a set of one frame, a group an unordered set, a clip an ordered one.

    Metainfo: ``dataset``, ``set_id``, ``frame_ids``, ``frame_paths``, ``ordered``, ``ori_shapes``, ``geometry`` (a
    `FrameGeometry` per frame), ``object_ids``, ``label_kind`` per frame, ``label_paths``, optional ``pixel_mean`` and
    ``pixel_std`` of the data set, and ``saved``, per frame whether this item's prediction is the result of that frame.

    Data at network size: ``labels`` uint8 (T, H, W), 0 background, 1..254 objects, 255 unknown; ``saliency`` float32
    (T, H, W) soft truth in [0, 1]; ``boxes`` (T, K, 4) xyxy pixels with ``box_valid`` (T, K) bool; ``object_valid`` (K,)
    bool, which of several slots hold an object. Inputs of the model: ``prompt``, ``flow``, ``guidance``. At original size,
    lists with an entry per frame: ``gt_maps``, ``gt_labels``, ``original_images``, ``pred_maps`` float32 in [0, 1],
    ``pred_labels`` uint8.
    """

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.get('frame_ids', ()))

    def where(self, frame: int = 0) -> str:
        """Human-readable place of a frame, ``dataset / set / frame``."""
        ids = self.get('frame_ids', ())
        parts = [self.get('dataset'), self.get('set_id'), ids[frame] if frame < len(ids) else None]
        return ' / '.join(str(part) for part in dict.fromkeys(parts) if part not in (None, ''))

    def check(self) -> 'SalDataSample':
        """Verify that every per-frame field has T entries.

        Raises:
            DataError: A field has another number of axes or frames.
        """
        for name, axes in _FRAME_FIELDS.items():
            value: Any = self.get(name)
            if value is not None and (value.ndim != axes or len(value) != self.num_frames):
                raise DataError(
                    f'{self.where()}: {name} has shape {tuple(value.shape)}; expected {axes} axes with '
                    f'{self.num_frames} frames first. The transform that writes it is at fault.'
                )
        return self
