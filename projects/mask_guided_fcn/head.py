"""The fully convolutional head: two wide layers, a score, one learnt enlargement."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from salseg.errors import WeightsError
from salseg.models.backbones.vgg import VGG16_FILE
from salseg.models.backbones.weights import find_imagenet, read_tensors
from salseg.models.layers import init_kaiming
from salseg.registry import HEADS


@HEADS.register_module()
class FCNHead(nn.Module):
    """conv6, conv7, score and one transposed convolution, as in FCN-32s (mask-guided FCN, section 3.2).

    Args:
        in_channels: Of the map.
        width: Channels of conv6 and conv7.
        stride: Pixels of the image for one step of the map; a power of two.
        kernel: Side of conv6.
        dropout: Fraction of values dropped after conv6 and conv7 in training.
        weights: 'imagenet' or a path takes conv6 and conv7 from VGG-16's fully connected layers; None starts at random.

    Attributes:
        provides: 'logits'.

    Raises:
        WeightsError: The weights cannot be had or do not fit.
    """

    provides = ('logits',)

    def __init__(
        self, in_channels: int = 512, width: int = 4096, stride: int = 32, kernel: int = 7, dropout: float = 0.5,
        weights: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv6 = nn.Conv2d(in_channels, width, kernel, padding=kernel // 2)
        self.conv7 = nn.Conv2d(width, width, 1)
        self.score = nn.Conv2d(width, 1, 1)
        self.enlarge = nn.ConvTranspose2d(1, 1, 2 * stride, stride, padding=stride // 2, bias=False)
        self.dropout = nn.Dropout(dropout)
        init_kaiming(self)
        # All maps alike at the start: the sigmoid's slope is largest there.
        nn.init.zeros_(self.score.weight)
        with torch.no_grad():
            self.enlarge.weight.copy_(bilinear_kernel(stride)[None, None])
        if weights is not None:
            self._take_classifier(weights)

    def _take_classifier(self, weights: str) -> None:
        path = find_imagenet(VGG16_FILE, 'FCNHead') if weights == 'imagenet' else Path(weights)
        state = read_tensors(path)
        for name, layer in (('classifier.0', self.conv6), ('classifier.3', self.conv7)):
            found = state.get(f'{name}.weight')
            if found is None or found.numel() != layer.weight.numel():
                shape = None if found is None else tuple(found.shape)
                raise WeightsError(
                    f'{path}: {name}.weight is {shape}, which does not make a convolution {tuple(layer.weight.shape)}. '
                    "Use width=4096 and kernel=7 with VGG-16's file, or weights=None."
                )
            with torch.no_grad():
                layer.weight.copy_(found.view_as(layer.weight))
                layer.bias.copy_(state[f'{name}.bias'])

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """The last map (N, in_channels, h, w) to ``logits`` (N, 1, *size): enlarged, cut at the right and below."""
        x = self.dropout(self.conv6(features[-1]).relu_())
        x = self.dropout(self.conv7(x).relu_())
        return {'logits': self.enlarge(self.score(x))[..., : size[0], : size[1]]}


def bilinear_kernel(stride: int) -> Tensor:
    """Kernel of side 2 * stride with which a transposed convolution enlarges bilinearly, (2 stride, 2 stride)."""
    ramp = (torch.arange(2 * stride) + 0.5) / stride
    side = 1 - (ramp - 1).abs()
    return side[:, None] * side
