"""Two branches of which one is masked early and one late."""

import copy
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.backbones import VGG16, EfficientNetLite0
from salseg.registry import BACKBONES

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
    size = tuple(features.shape[-2:])
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
        x = F.relu6(self.lite._bn0(self.lite._conv_stem(images)), inplace=True)
        for block in self.lite._blocks[: self.parting]:
            x = block(x)
        first = nn.Sequential(*self.lite._blocks[self.parting :])
        return self.join(x, guidance, first, self.second or first)
