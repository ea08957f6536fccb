"""A batch as a model gets it: inputs, and targets that only losses see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import MissingTarget
from salseg.ops.color import rgb_to_lab
from salseg.ops.geometry import map_size
from salseg.structures.sample import SalDataSample


@dataclass
class FrameInputs:
    """Network input of a batch of B sets with T frames each. It never holds a training label.

    Attributes:
        frames: (B, T, 3, H, W) float, RGB, normalised.
        prompt: What the user marked (masks or boxes), or labels of neighbouring frames; the model's project says which shape.
        valid: (B, K) bool, which of the K slots of ``prompt`` are used in a training clip, also where one has no pixel;
            None means all.
        flow: Optical flow in pixels, (B, T, 2, H, W) unless the project says otherwise.
        guidance: (B, T, 1, h, w) masks computed beforehand, in [0, 1].
        images: (B, T, 3, H, W) uint8 RGB before normalisation; kept in training, where losses read colours.
        padding: (B, T, H, W) bool, True where a pixel was added by the preprocessor; None if nothing was.
    """

    frames: Tensor
    prompt: Tensor | None = None
    valid: Tensor | None = None
    flow: Tensor | None = None
    guidance: Tensor | None = None
    images: Tensor | None = None
    padding: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Network size (H, W)."""
        return map_size(self.frames)

    def fold(self) -> Tensor:
        """Frames as one batch, (B*T, 3, H, W)."""
        return self.frames.flatten(0, 1)


UNKNOWN = 255
_SOURCES = {
    'labels': 'LoadLabels',
    'saliency': "LoadLabels(encoding='soft')",
    'boxes': 'LoadBoxes or MasksToBoxes',
    'images': 'the data preprocessor',
    'inputs': 'the data preprocessor',
}
Size = tuple[int, int]


@dataclass
class FrameTargets:
    """Labels and images of a training batch, with views that are computed once and shared by all losses.

    Attributes:
        images: (B, T, 3, H, W) uint8 RGB, not normalised.
        inputs: (B, T, 3, H, W) float, normalised, as the network saw them.
        labels: (B, T, H, W) uint8: 0 background, 1..254 objects, 255 unknown.
        saliency: (B, T, H, W) float32 soft truth in [0, 1].
        object_valid: (B, K) bool, which of the K object slots are used; None for saliency (K = 1).
        boxes: (B, T, K, 4) xyxy pixels; box_valid: (B, T, K) bool.
        padding: (B, T, H, W) bool, True on pixels that the preprocessor added.
        iteration: Training step, from 0; ramps and bootstrapping read it here and nowhere else.
        places: Where each sample comes from, for messages.
    """

    images: Tensor | None = None
    inputs: Tensor | None = None
    labels: Tensor | None = None
    saliency: Tensor | None = None
    object_valid: Tensor | None = None
    boxes: Tensor | None = None
    box_valid: Tensor | None = None
    padding: Tensor | None = None
    iteration: int = 0
    places: tuple[str, ...] = ()
    _views: dict[tuple, Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def from_samples(cls, samples: Sequence[SalDataSample], inputs: FrameInputs, iteration: int = 0) -> 'FrameTargets':
        """Stack what the samples of a batch hold.

        Raises:
            MissingTarget: Some samples of the batch have a label that others lack.
        """

        def stack(name: str) -> Tensor | None:
            values = [sample.get(name) for sample in samples]
            missing = [sample.where() for sample, value in zip(samples, values) if value is None]
            if missing and len(missing) < len(samples):
                raise MissingTarget(
                    f'{missing[0]} has no {name}, other samples of its batch have: a batch must be labelled alike.\n'
                    f"  {name} come from {_SOURCES.get(name, 'a transform')} in the data set's pipeline"
                )
            return None if missing else torch.stack(values).to(inputs.frames.device)

        labels, padding = stack('labels'), inputs.padding
        return cls(
            images=inputs.images,
            inputs=inputs.frames,
            labels=_pad_like(labels, inputs.frames, UNKNOWN),
            saliency=_pad_like(stack('saliency'), inputs.frames, 0),
            object_valid=stack('object_valid'),
            boxes=stack('boxes'),
            box_valid=stack('box_valid'),
            padding=padding,
            iteration=iteration,
            places=tuple(sample.where() for sample in samples),
        )

    @property
    def num_objects(self) -> int:
        """K: 1 for saliency."""
        return 1 if self.object_valid is None else self.object_valid.shape[1]

    def require(self, name: str) -> Tensor:
        """A field by name.

        Raises:
            MissingTarget: The batch has no such label; the message names the transform that provides it.
        """
        value = getattr(self, name)
        if value is None:
            place = self.places[0] if self.places else 'unknown'
            raise MissingTarget(
                f'a loss reads {name}, but this batch has none.\n  first sample: {place}\n  {name} come from '
                f'{_SOURCES.get(name, "a transform")} in train_dataloader.dataset.pipeline'
            )
        return value

    def _view(self, key: tuple, make: Callable[[], Tensor]) -> Tensor:
        if key not in self._views:
            self._views[key] = make()
        return self._views[key]

    def _labels_at(self, size: Size | None) -> Tensor:
        labels = self.require('labels')
        if size is None or tuple(size) == tuple(labels.shape[-2:]):
            return labels
        return self._view(('labels', size), lambda: F.interpolate(labels, size=size, mode='nearest'))

    def masks(self, size: Size | None = None) -> Tensor:
        """(B, T, K, h, w) bool, True on the object; K = 1 is the union of all objects.

        Raises:
            MissingTarget: There are no labels.
        """

        def make() -> Tensor:
            labels = self._labels_at(size)
            if self.num_objects == 1:
                return ((labels > 0) & (labels < UNKNOWN)).unsqueeze(2)
            ids = torch.arange(1, self.num_objects + 1, dtype=labels.dtype, device=labels.device)
            return labels.unsqueeze(2) == ids[:, None, None]

        return self._view(('masks', size), make)

    def valid_mask(self, size: Size | None = None) -> Tensor:
        """(B, T, 1, h, w) bool, True where a label was given."""
        return self._view(('valid_mask', size), lambda: (self._labels_at(size) != UNKNOWN).unsqueeze(2))

    def soft_mask(self, size: Size | None = None) -> Tensor:
        """(B, T, 1, h, w) float32 in [0, 1]: soft truth, else the masks' area mean. Unknown pixels count as background."""

        def make() -> Tensor:
            whole = self.saliency.unsqueeze(2) if self.saliency is not None else self.masks().any(2, keepdim=True)
            return _fold(whole.float(), lambda x: _resize_soft(x, size))

        return self._view(('soft_mask', size), make)

    def box_masks(self, size: Size | None = None) -> Tensor:
        """(B, T, K, h, w) bool: cells whose centre is in the object's box; empty for objects without a valid box.

        Raises:
            MissingTarget: There are no boxes.
        """

        def make() -> Tensor:
            boxes = self.require('boxes')
            full = map_size(self.require('inputs'))
            height, width = size or full
            xs = (torch.arange(width, device=boxes.device) + 0.5) * (full[1] / width)
            ys = (torch.arange(height, device=boxes.device) + 0.5) * (full[0] / height)
            x0, y0, x1, y1 = (value.unsqueeze(-1) for value in boxes.unbind(-1))
            inside = ((ys > y0) & (ys < y1)).unsqueeze(-1) & ((xs > x0) & (xs < x1)).unsqueeze(-2)
            return inside & self.require('box_valid')[..., None, None]

        return self._view(('box_masks', size), make)

    def image(self, size: Size | None = None, align_corners: bool = False) -> Tensor:
        """(B, T, 3, h, w) the normalised image at a size, bilinear."""
        inputs = self.require('inputs')
        if size is None or tuple(size) == tuple(inputs.shape[-2:]):
            return inputs
        resize = lambda x: F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)  # noqa: E731
        return self._view(('image', size, align_corners), lambda: _fold(inputs, resize))

    def lab(self, stride: int) -> Tensor:
        """(B, T, 3, H // stride, W // stride) CIE Lab of the image, averaged over stride x stride pixels before."""

        def make() -> Tensor:
            images = self.require('images').float()
            return _fold(images, lambda x: rgb_to_lab(F.avg_pool2d(x, stride) if stride > 1 else x))

        return self._view(('lab', stride), make)

    def frames(self, start: int | None = None, stop: int | None = None) -> 'FrameTargets':
        """The same batch with frames start..stop only, for models that give no output for the others."""
        part = slice(start, stop)

        def cut(name: str) -> Any:
            value = getattr(self, name)
            return None if value is None else value[:, part]

        names = ('images', 'inputs', 'labels', 'saliency', 'boxes', 'box_valid', 'padding')
        return replace(self, _views={}, **{name: cut(name) for name in names})


def _fold(value: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    return function(value.flatten(0, 1)).unflatten(0, value.shape[:2])


def _resize_soft(value: Tensor, size: Size | None) -> Tensor:
    if size is None or tuple(size) == tuple(value.shape[-2:]):
        return value
    if size[0] <= value.shape[-2] and size[1] <= value.shape[-1]:
        return F.adaptive_avg_pool2d(value, size)
    return F.interpolate(value, size=size, mode='bilinear', align_corners=False)


def _pad_like(labels: Tensor | None, frames: Tensor, fill: float) -> Tensor | None:
    if labels is None or labels.shape[-2:] == frames.shape[-2:]:
        return labels
    down, right = frames.shape[-2] - labels.shape[-2], frames.shape[-1] - labels.shape[-1]
    return F.pad(labels, (0, right, 0, down), value=fill)


@dataclass(frozen=True)
class ExportPart:
    """A module with an example of its input.

    Attributes:
        module: Takes and gives tensors, by position.
        example: Its arguments; their sizes become the file's.
        inputs: Their names.
        outputs: Names of what it gives.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: Sequence[str]
    outputs: Sequence[str]
