"""Decoder of NPMCA-net, in the layout of RGMP and STM."""

import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w), the same shape."""
        return x + self.second(F.relu(self.first(F.relu(x))))


class Refine(nn.Module):
    """Double the size and add finer features of the target."""

    def __init__(self, skip: int, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels, 3, padding=1)
        self.before = ResidualBlock(channels)
        self.after = ResidualBlock(channels)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """(N, skip, 2h, 2w) and (N, channels, h, w) to (N, channels, 2h, 2w)."""
        up = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        return self.after(self.before(self.skip(skip)) + up)


class Decoder(nn.Module):
    """Logits of background and object from the two matched maps.

    Args:
        matched: Channels of one matched map.
        skips: Channels of the target's features at strides 8 and 4.
        channels: Width.
    """

    def __init__(self, matched: int, skips: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(2 * matched, channels, 3, padding=1)
        self.block = ResidualBlock(channels)
        self.refine8 = Refine(skips[0], channels)
        self.refine4 = Refine(skips[1], channels)
        self.predict = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, matched: Tensor, skip8: Tensor, skip4: Tensor) -> Tensor:
        """(N, 2 * matched, h, w) and the skips to logits (N, 2, 16h, 16w), background first."""
        x = self.refine8(skip8, self.block(self.fuse(matched)))
        logits = self.predict(F.relu(self.refine4(skip4, x)))
        return F.interpolate(logits, scale_factor=4, mode='bilinear', align_corners=False)
