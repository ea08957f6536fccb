"""The one data sample of all tasks: a set of frames."""

from typing import Any

from mmengine.structures import BaseDataElement

from salseg.errors import DataError

_FRAME_FIELDS = {'labels': 3, 'saliency': 3, 'boxes': 3, 'box_valid': 2}
META = (
    'dataset', 'set_id', 'frame_ids', 'frame_paths', 'ordered', 'ori_shapes', 'geometry', 'object_ids', 'label_kind',
    'label_paths', 'pixel_mean', 'pixel_std',
)  # fmt: skip


class SalDataSample(BaseDataElement):
    """Everything about one set of T frames but its pixels.

    An image is a set of one frame, a group an unordered set, a clip an ordered one.

    Metainfo: ``dataset``, ``set_id``, ``frame_ids``, ``frame_paths``, ``ordered``, ``ori_shapes``, ``geometry`` (a
    :class:`FrameGeometry` per frame), ``object_ids``, ``label_kind`` per frame, ``label_paths``, optional ``pixel_mean`` and
    ``pixel_std`` of the data set.

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
