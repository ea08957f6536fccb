"""Channel attention of NPMCA-net."""

import torch
from torch import Tensor, nn

from salseg.ops.channel_matching import channel_matching


class ChannelAttention(nn.Module):
    """out = gamma * (channels mixed by likeness) + in, gamma >= 0 learned from 0 (thesis of NPMCA-net, eq. 3.4 to 3.7)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), the same shape."""
        # clamp passes the gradient at the boundary, so that gamma can leave 0.
        return self.gamma.clamp(min=0) * channel_matching(features) + features
