"""Blocks on the features of several objects of one image.

Shapes: N objects in all images of a batch, merged into the batch axis, C channels, (h, w) positions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and a shortcut, a 3x3 convolution where the width changes."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.shortcut = None if channels_in == channels else nn.Conv2d(channels_in, channels, 3, padding=1)
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w)."""
        y = self.second(F.relu(self.first(F.relu(x))))
        return y + (x if self.shortcut is None else self.shortcut(x))


class BlockAttention(nn.Module):
    """A gate per channel, then a gate per position (CBAM, Woo et al., ECCV 2018), the second without batch norm."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w), gated."""
        pooled = torch.stack([x.mean((-2, -1)), x.amax((-2, -1))])
        channel = self.expand(F.relu(self.reduce(pooled))).sum(0)
        x = x * torch.sigmoid(channel)[..., None, None]
        place = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.place(place))


class FusionBlock(nn.Module):
    """Merge what all objects of an image share with what each has for itself."""

    def __init__(self, shared: int, own: int, middle: int, channels: int) -> None:
        super().__init__()
        self.before = ResidualBlock(shared + own, middle)
        self.attention = BlockAttention(middle)
        self.after = ResidualBlock(middle, channels)

    def forward(self, shared: Tensor, own: Tensor) -> Tensor:
        """Features of the images, repeated for their objects, (N, shared, h, w), and (N, own, h, w)."""
        merged = self.before(torch.cat([shared, own], 1))
        return self.after(merged + self.attention(merged))


class UpsampleBlock(nn.Module):
    """Double the size of object features and add finer features of the image."""

    def __init__(self, skip: int, channels_in: int, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels_in, 3, padding=1)
        self.out = ResidualBlock(channels_in, channels)

    def forward(self, skip: Tensor, x: Tensor, objects: int) -> Tensor:
        """(B, skip, 2h, 2w) and (B * objects, channels_in, h, w) to (B * objects, channels, 2h, 2w)."""
        up = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        return self.out(up + repeat_objects(self.skip(skip), objects))


class SensoryCell(nn.Module):
    """Gated update of the sensory memory: h' = sigmoid(f) h (1 - sigmoid(u)) + sigmoid(u) tanh(n).

    No standard GRU: the candidate n sees the whole old state, and the forget gate f scales what is kept (released
    code).
    """

    def __init__(self, channels_in: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.transform = nn.Conv2d(channels_in + hidden, 3 * hidden, 3, padding=1)
        nn.init.xavier_normal_(self.transform.weight)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """(N, channels_in, h, w) and the old state (N, hidden, h, w) to the new state."""
        forget, update, new = self.transform(torch.cat([x, state], 1)).split(self.hidden, 1)
        update = torch.sigmoid(update)
        return torch.sigmoid(forget) * state * (1 - update) + update * torch.tanh(new)


def repeat_objects(x: Tensor, objects: int) -> Tensor:
    """(B, C, h, w) to (B * objects, C, h, w), each image's features once per object."""
    return x.repeat_interleave(objects, 0) if objects > 1 else x
