"""Layers of the mask-guided FCN: two branches of which one is masked early and one late, and the head on their sum."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import WeightsError
from salseg.models.backbones import VGG16, EfficientNetLite0
from salseg.models.backbones.vgg import VGG16_FILE
from salseg.models.backbones.weights import find_imagenet, is_left_out, read_tensors
from salseg.models.layers import LargeConv2d, conv_normed, init_kaiming
from salseg.ops.geometry import map_size
from salseg.registry import BACKBONES, HEADS

Branch = Callable[[Tensor], Tensor]


class TwoBranches(nn.Module):
    """Trunk, then two branches on the same features, one masked where they part and one masked at its end; their sum.

    Attributes:
        weights_loaded: Whether the network started from pretrained weights.
    """

    def __init__(self, mask_early: bool, mask_late: bool) -> None:
        super().__init__()
        self.mask_early = mask_early
        self.mask_late = mask_late

    def join(self, features: Tensor, guidance: Tensor | None, early: Branch, late: Branch) -> list[Tensor]:
        """Sum of both branches, (N, C, h, w), alone in a list."""
        # Early masking hides the background from all later layers, mistakes of the mask included; late masking lets
        # them see it and only weighs the result. The sum can repair what either loses.
        first = early(masked(features, guidance) if self.mask_early else features)
        second = late(features)
        return [first + (masked(second, guidance) if self.mask_late else second)]


def masked(features: Tensor, guidance: Tensor | None) -> Tensor:
    """Features times the mask at their size: bicubic, cut to [0, 1].

    Args:
        features: (N, C, h, w).
        guidance: (N, 1, any, any) in [0, 1]; None leaves the features.
    """
    if guidance is None:
        return features
    size = map_size(features)
    # Bicubic as in the paper; it overshoots at edges, hence the cut below.
    mask = F.interpolate(guidance.to(features.dtype), size=size, mode='bicubic', align_corners=False)
    return features * mask.clamp(0, 1)


@BACKBONES.register_module()
class TwoBranchVGG16(TwoBranches):
    """VGG-16 whose stages 4 and 5 exist twice (mask-guided FCN, section 3.2).

    The first branch sees pool3 times the mask; the second one's pool5 is multiplied by the mask. Poolings round up.

    Args:
        mask_pool3: Mask the first branch.
        mask_pool5: Mask the second branch.
        share_branches: Both use the same convolutions.
        weights: See :class:`VGG16`; both branches start from them.
    """

    def __init__(
        self, mask_pool3: bool = True, mask_pool5: bool = True, share_branches: bool = False, weights: str | None = None
    ) -> None:
        super().__init__(mask_pool3, mask_pool5)
        self.vgg = VGG16(level='pooled', ceil_mode=True, weights=weights)
        self.weights_loaded = self.vgg.weights_loaded
        parting = 17  # behind the third pool of torchvision's sequence
        # A copy of the pretrained stages: the paper draws two boxes, and both start from VGG-16.
        self.second = None if share_branches else copy.deepcopy(self.vgg.features[parting:])
        self.parting = parting
        self.out_channels = 512

    def forward(self, images: Tensor, guidance: Tensor | None = None) -> list[Tensor]:
        """(N, 3, H, W) and masks (N, 1, any, any) in [0, 1] to one map (N, 512, ceil(H / 32), ceil(W / 32))."""
        features = self.vgg.features[: self.parting](images)
        first = self.vgg.features[self.parting :]
        return self.join(features, guidance, first, self.second or first)


@BACKBONES.register_module()
class TwoBranchLite0(TwoBranches):
    """The same idea on EfficientNet-Lite0, for a CPU: the branches part at stride 8 and end at stride 16.

    Args:
        mask_early: Mask the first branch where they part.
        mask_late: Mask the second branch at its end.
        share_branches: Both use the same blocks.
        weights: See :class:`EfficientNetLite0`; both branches start from them.
    """

    def __init__(
        self, mask_early: bool = True, mask_late: bool = True, share_branches: bool = False, weights: str | None = None
    ) -> None:
        super().__init__(mask_early, mask_late)
        self.lite = EfficientNetLite0(out_indices=(2, 3), weights=weights)
        self.weights_loaded = self.lite.weights_loaded
        parting = 5  # blocks up to stride 8
        self.second = None if share_branches else copy.deepcopy(nn.Sequential(*self.lite._blocks[parting:]))
        self.parting = parting
        self.out_channels = self.lite.channels[-1]

    def forward(self, images: Tensor, guidance: Tensor | None = None) -> list[Tensor]:
        """(N, 3, H, W) and masks (N, 1, any, any) in [0, 1] to one map (N, 112, ceil(H / 16), ceil(W / 16))."""
        x = F.relu6(conv_normed(self.lite._conv_stem, self.lite._bn0, images), inplace=True)
        for block in self.lite._blocks[: self.parting]:
            x = block(x)
        first = nn.Sequential(*self.lite._blocks[self.parting :])
        return self.join(x, guidance, first, self.second or first)


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
        self.conv6 = LargeConv2d(in_channels, width, kernel, padding=kernel // 2)
        self.conv7 = nn.Conv2d(width, width, 1)
        self.score = nn.Conv2d(width, 1, 1)
        # One step of 32, since the paper counts a single deconvolution; it starts bilinear and learns.
        self.enlarge = nn.ConvTranspose2d(1, 1, 2 * stride, stride, padding=stride // 2, bias=False)
        self.dropout = nn.Dropout(dropout)
        init_kaiming(self)
        # All maps alike at the start: the sigmoid's slope is largest there.
        nn.init.zeros_(self.score.weight)
        with torch.no_grad():
            self.enlarge.weight.copy_(bilinear_kernel(stride)[None, None])
        if weights is not None and not is_left_out(self):
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
                if layer.bias is not None:
                    layer.bias.copy_(state[f'{name}.bias'])

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """The last map (N, in_channels, h, w) to ``logits`` (N, 1, *size): enlarged, cut at the right and below."""
        # Padding keeps the map's size, in place of FCN's border of 100 pixels around the image; the output then covers
        # the image and is cut.
        x = self.dropout(self.conv6(features[-1]).relu_())
        x = self.dropout(self.conv7(x).relu_())
        return {'logits': self.enlarge(self.score(x))[..., : size[0], : size[1]]}


def bilinear_kernel(stride: int) -> Tensor:
    """Kernel of side 2 * stride with which a transposed convolution enlarges bilinearly, (2 stride, 2 stride)."""
    ramp = (torch.arange(2 * stride) + 0.5) / stride
    side = 1 - (ramp - 1).abs()
    return side[:, None] * side
