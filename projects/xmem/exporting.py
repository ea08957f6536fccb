"""XMem's networks on their own: what is between them, the memory, stays with the caller."""

from typing import Protocol

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.structures import ExportPart

STRIDE = 16


class Networks(Protocol):
    """What of an XMem is exported; it imports this module, not the other way round."""

    key_encoder: nn.Module
    key_projection: nn.Module
    value_encoder: nn.Module
    decoder: nn.Module
    hidden_channels: int


class KeyPart(nn.Module):
    """Features, key, shrinkage and selection of a frame."""

    def __init__(self, model: Networks) -> None:
        super().__init__()
        self.encoder, self.projection = model.key_encoder, model.key_projection

    def forward(self, frame: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, H, W), normalised, to three features (strides 4, 8, 16), key, shrinkage and selection."""
        features = self.encoder(frame)
        return (*features, *self.projection(features[2]))


class ValuePart(nn.Module):
    """Value of every object, and the sensory memory after a deep update."""

    def __init__(self, model: Networks) -> None:
        super().__init__()
        self.encoder = model.value_encoder

    def forward(self, frame: Tensor, f16: Tensor, masks: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Frame, its feature at stride 16, masks (1, K, H, W) and memory (1, K, C, h, w) to value and memory."""
        return self.encoder(frame, f16, masks, hidden)


class DecoderPart(nn.Module):
    """Masks of every object for itself, and the sensory memory after a normal update."""

    def __init__(self, model: Networks) -> None:
        super().__init__()
        self.decoder = model.decoder

    def forward(self, f4: Tensor, f8: Tensor, f16: Tensor, readout: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Features, read-out (1, K, C_v, h, w) and memory (1, K, C, h, w) to logits (1, K, H, W) and memory."""
        return self.decoder([f4, f8, f16], readout, hidden)


def export_parts(model: Networks, size: tuple[int, int], objects: int) -> dict[str, ExportPart]:
    """The three networks for frames of a size and a number of objects.

    Raises:
        ConfigError: Sides are no multiples of 16, or the model has no sensory memory.
    """
    if size[0] % STRIDE or size[1] % STRIDE:
        raise ConfigError(f'XMem is exported for sides that are multiples of {STRIDE}; found {size[0]} x {size[1]}.')
    if not model.hidden_channels:
        raise ConfigError('this XMem has no sensory memory (hidden_channels=0); it is not exported.')
    frame, masks = torch.randn(1, 3, *size), torch.rand(1, objects, *size)
    hidden = torch.randn(1, objects, model.hidden_channels, size[0] // STRIDE, size[1] // STRIDE)
    with torch.no_grad():
        f4, f8, f16 = model.key_encoder(frame)
        readout, _ = model.value_encoder(frame, f16, masks, hidden)
    return {
        'key': ExportPart(KeyPart(model), (frame,), ('frame',), ('f4', 'f8', 'f16', 'key', 'shrinkage', 'selection')),
        'value': ExportPart(
            ValuePart(model), (frame, f16, masks, hidden), ('frame', 'f16', 'masks', 'hidden'), ('value', 'new_hidden')
        ),
        'decoder': ExportPart(
            DecoderPart(model),
            (f4, f8, f16, readout, hidden),
            ('f4', 'f8', 'f16', 'readout', 'hidden'),
            ('logits', 'new_hidden'),
        ),
    }
