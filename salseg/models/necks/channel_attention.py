"""Channel attention guided by the global context of another map."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.layers import ConvBNReLU


class ChannelAttention(nn.Module):
    """Weigh the channels of one map by what another map holds on the whole (GCPANet, AAAI 2020).

    Args:
        in_channels: Channels of the map that is weighed.
        guide_channels: Channels of the map that guides.
        width: Channels of the result.
    """

    def __init__(self, in_channels: int, guide_channels: int, width: int = 256) -> None:
        super().__init__()
        self.project = ConvBNReLU(in_channels, width, kernel=1)
        self.squeeze = nn.Conv2d(guide_channels, width, 1)
        self.excite = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """(N, in_channels, h, w) and (N, guide_channels, any, any) to (N, width, h, w)."""
        context = F.relu(self.squeeze(guide.mean((2, 3), keepdim=True)))
        return self.project(x) * torch.sigmoid(self.excite(context))
