"""Self refinement: a map modulated by itself."""

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.layers import ConvBNReLU


class SelfRefinement(nn.Module):
    """Smooth a map, then rescale and shift it at every position as the smoothed map itself says (GCPANet, AAAI 2020).

    Args:
        width: Channels of the map and of the result.
    """

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.smooth = ConvBNReLU(width, width)
        self.affine = nn.Conv2d(width, 2 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) to the same shape. The modulation acts on the smoothed map, not on the input."""
        x = self.smooth(x)
        weight, offset = self.affine(x).chunk(2, dim=1)
        return F.relu(weight * x + offset)
