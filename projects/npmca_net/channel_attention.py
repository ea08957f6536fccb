"""Channel attention of NPMCA-net."""

import torch
from torch import Tensor, nn

from salseg.ops.matching import channel_matching


class ChannelAttention(nn.Module):
    """out = gamma * (channels mixed by likeness) + in, gamma >= 0 learned from 0 (NPMCA-net, eq. 3.4 to 3.7)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), the same shape."""
        # The gradient passes as if there were no bound: a gamma that a step took below 0 can come back.
        gamma = self.gamma + (self.gamma.clamp(min=0) - self.gamma).detach()
        return gamma * channel_matching(features) + features
