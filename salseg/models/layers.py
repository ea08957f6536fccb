"""Layers that necks, heads and matchers share."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn


class ConvBNReLU(nn.Module):
    """Convolution that keeps the size, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, bias=bias)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w), not negative."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


def init_kaiming(module: nn.Module, mode: Literal['fan_in', 'fan_out'] = 'fan_in') -> None:
    """Start all convolutions inside with normal weights of variance 2 / fan and zero biases (He et al., 2015).

    Args:
        module: Its batch norms stay as they are.
        mode: The fan: inputs or, as torchvision starts its networks, outputs of a convolution.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode=mode, nonlinearity='relu')
            if part.bias is not None:
                nn.init.zeros_(part.bias)
