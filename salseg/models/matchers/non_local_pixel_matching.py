"""Non-local pixel matching (NLPMM) of NPMCA-net."""

import torch
from torch import Tensor, nn

from salseg.ops.pixel_matching import pixel_matching
from salseg.registry import MATCHERS


@MATCHERS.register_module()
class NonLocalPixelMatching(nn.Module):
    """Describe a target map by what it matches in a reference map (thesis of NPMCA-net, section 3.2.2).

    Both maps are reduced by a 3x3 convolution of their own; values are the reduced reference, without further
    projection.

    Args:
        in_channels: Of both maps.
        channels: After the reduction.
        scale: Factor on the inner products. With 1, as in the thesis, large features make one position of the reference
            win everywhere, and nothing is learned from matching; short trainings want less.
    """

    def __init__(self, in_channels: int = 1024, channels: int = 256, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.reduce_reference = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.reduce_target = nn.Conv2d(in_channels, channels, 3, padding=1)
        # Channels last in the weights gives channels last in the maps: the matching then needs no copy of them.
        self.to(memory_format=torch.channels_last)

    def forward(self, reference: Tensor, target: Tensor) -> Tensor:
        """(B, in_channels, h, w) and (B, in_channels, h', w') to (B, channels, h', w')."""
        return self.match(self.reduce_reference(reference), target)

    def match(self, reference: Tensor, target: Tensor) -> Tensor:
        """The same from a reference (B, channels, h, w) that is reduced already."""
        return pixel_matching(reference, self.reduce_target(target), self.scale)
