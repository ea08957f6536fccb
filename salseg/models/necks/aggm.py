"""Adaptive aggregation of a low-level, a high-level and a global context map."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.layers import ConvBNReLU
from salseg.ops import resize


class AGGM(nn.Module):
    """Aggregation module: three maps, each multiplied with another, then added with learnt weights (thesis eq. 4.1).

    The weights are one number for each image and path. In the released form they have no activation and are divided by
    their sum, and nothing keeps that sum from zero.

    Args:
        low_channels: Channels of the low-level map, whose size the result has.
        width: Channels of the other two maps and of the result.
        attention: 'sum' divides the weights by their sum, as released; 'softmax', our own, keeps them positive, which
            short trainings need; False gives the module of GCPANet instead, where the paths are concatenated (thesis
            table 4.4). True is 'sum'.

    Raises:
        ConfigError: The attention is none of these.
    """

    def __init__(self, low_channels: int, width: int = 256, *, attention: bool | str = 'sum') -> None:
        super().__init__()
        if attention not in (True, False, 'sum', 'softmax'):
            raise ConfigError(f"AGGM: attention={attention!r}; expected 'sum', 'softmax' or False.")
        self.softmax = attention == 'softmax'
        self.low = ConvBNReLU(low_channels, width)
        self.high = ConvBNReLU(width, width)
        self.context = ConvBNReLU(width, width)
        self.low_gate = nn.Conv2d(width, width, 3, padding=1)
        self.high_gate = nn.Conv2d(width, width, 3, padding=1)
        self.context_gate = nn.Conv2d(width, width, 3, padding=1)
        # In the order of the paths below: high, low, context.
        self.scores = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for _ in range(3 if attention else 0))
        self.fuse = ConvBNReLU(width if attention else 3 * width, width)

    def forward(self, low: Tensor, high: Tensor, context: Tensor) -> Tensor:
        """(N, low_channels, h, w) and two maps (N, width, any, any) to (N, width, h, w)."""
        low, high, context = self.low(low), self.high(high), self.context(context)
        size = low.shape[-2:]
        paths = (
            F.relu(self.low_gate(low) * resize(high, size)),
            F.relu(resize(self.high_gate(high), size) * low),
            F.relu(resize(self.context_gate(context), size) * low),
        )
        return self.fuse(self.aggregate(paths) if self.scores else torch.cat(paths, dim=1))

    def aggregate(self, paths: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Three maps (N, width, h, w) to one: the weighted mean of eq. 4.1."""
        weights = [score(path).mean((2, 3), keepdim=True) for score, path in zip(self.scores, paths)]
        if self.softmax:
            weights = torch.stack(weights).softmax(0).unbind()
            return sum(weight * path for weight, path in zip(weights, paths))
        weighted = sum(weight * path for weight, path in zip(weights, paths))
        return weighted / sum(weights)
