"""From pipeline items to one batch on the device."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from salseg.errors import DataError
from salseg.models.backbones.base import IMAGENET_MEAN, IMAGENET_STD
from salseg.registry import MODELS
from salseg.structures import FrameInputs, SalDataSample


@MODELS.register_module()
class SalDataPreprocessor(BaseDataPreprocessor):
    """Stack, move as uint8, normalise on the device, pad.

    A data set's own ``pixel_mean`` and ``pixel_std`` take precedence over the statistics given here.

    Args:
        mean: Per RGB channel on the 0-255 scale; 'backbone' takes what the model's backbone was pretrained with, ImageNet's
            statistics where it does not say.
        std: Likewise.
        size_divisor: Pad height and width to multiples of this at the bottom and the right, with the mean colour.
        keep_images: Whether the uint8 image stays with the batch in training, for losses that read colours.
    """

    def __init__(
        self,
        mean: Sequence[float] | Literal['backbone'] = IMAGENET_MEAN,
        std: Sequence[float] | Literal['backbone'] = IMAGENET_STD,
        size_divisor: int = 1,
        keep_images: bool = True,
    ) -> None:
        super().__init__(non_blocking=True)
        # Filled by the model, which is built after this: see `take_statistics`.
        self.follows = mean == 'backbone', std == 'backbone'
        values = [IMAGENET_MEAN if mean == 'backbone' else mean, IMAGENET_STD if std == 'backbone' else std]
        self.register_buffer('mean', torch.tensor(values[0]).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(values[1]).view(3, 1, 1), persistent=False)
        self.size_divisor = size_divisor
        self.keep_images = keep_images

    def take_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Replace what was left to the backbone by its statistics, on the 0-255 scale."""
        for follows, buffer, values in zip(self.follows, (self.mean, self.std), (mean, std)):
            if follows:
                buffer.copy_(torch.as_tensor(values).view(3, 1, 1))

    def distance(self, mean: Sequence[float], std: Sequence[float]) -> float:
        """Largest difference from other statistics, in grey levels."""
        pairs = zip((self.mean, self.std), (mean, std))
        return max(float((mine.flatten() - torch.as_tensor(other).to(mine)).abs().max()) for mine, other in pairs)

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Batch of a list of items.

        Args:
            data: ``inputs``, a list of (T, 3, H, W) uint8 or 0-255 float tensors, and ``data_samples``.
            training: Whether losses follow.

        Returns:
            ``inputs`` (`FrameInputs`) and ``data_samples``.

        Raises:
            DataError: The items differ in size or number of frames.
        """
        samples: list[SalDataSample] = [sample.to(self.mean.device) for sample in data['data_samples']]
        pixels = self._stack(data['inputs'], samples)
        frames = self._normalise(pixels, samples)
        images = None
        if training and self.keep_images:
            images = pixels if pixels.dtype == torch.uint8 else pixels.round().clamp(0, 255).to(torch.uint8)
        down, right = (-size % self.size_divisor for size in frames.shape[-2:])
        padding = None
        if down or right:
            padding = torch.ones((*frames.shape[:2], *frames.shape[-2:]), dtype=torch.bool, device=frames.device)
            padding = ~F.pad(padding, (0, right, 0, down))
            frames = F.pad(frames, (0, right, 0, down))
            images = None if images is None else F.pad(images, (0, right, 0, down))
            self._record_padding(samples, right, down)
        own = {name: _stack_field(samples, name) for name in ('prompt', 'flow', 'guidance')}
        own['valid'] = _stack_field(samples, 'object_valid')
        return dict(inputs=FrameInputs(frames, images=images, padding=padding, **own), data_samples=samples)

    def _stack(self, items: Sequence[Tensor], samples: Sequence[SalDataSample]) -> Tensor:
        shapes = [tuple(item.shape) for item in items]
        if len(set(shapes)) > 1:
            index = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
            what = 'numbers of frames' if shapes[index][0] != shapes[0][0] else 'network sizes'
            raise DataError(
                f'sets of one batch have different {what}: {samples[0].where()} is {shapes[0]}, {samples[index].where()} '
                f'is {shapes[index]} (T, 3, H, W). Use batch_size=1, or a Resize or a sampler that makes them alike; sets '
                'are never padded with invented frames.'
            )
        return torch.stack([item.to(self.mean.device, non_blocking=True) for item in items])

    def _normalise(self, pixels: Tensor, samples: Sequence[SalDataSample]) -> Tensor:
        if all(sample.get('pixel_mean') is None for sample in samples):
            return torch.sub(pixels, self.mean).div_(self.std)
        mean = torch.stack([self._statistic(sample.get('pixel_mean'), self.mean) for sample in samples])
        std = torch.stack([self._statistic(sample.get('pixel_std'), self.std) for sample in samples])
        return (pixels - mean.unsqueeze(1)) / std.unsqueeze(1)

    def _statistic(self, value: Sequence[float] | None, default: Tensor) -> Tensor:
        return default if value is None else default.new_tensor(value).view(3, 1, 1)

    def _record_padding(self, samples: Sequence[SalDataSample], right: int, down: int) -> None:
        for sample in samples:
            geometry = [record.padded(0, 0, right, down) for record in sample.geometry]
            sample.set_metainfo(dict(geometry=geometry))


def _stack_field(samples: Sequence[SalDataSample], name: str) -> Tensor | None:
    values = [sample.get(name) for sample in samples]
    return None if any(value is None for value in values) else torch.stack(values)
