"""Non-locally enhanced recurrent module: what RCRNet adds for video."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.matchers.conv_gru import ConvGRU
from salseg.models.matchers.non_local_block import NonLocalBlock
from salseg.registry import MATCHERS


@MATCHERS.register_module()
class NER(nn.Module):
    """Non-local block, deeper bidirectional ConvGRU, non-local block on the coarsest level (RCRNet, ICCV 2019,
    section 3.2).

    The forward pass starts from the enhanced first frame; the backward pass reads the forward *states* and starts from
    the last of them ("deeper"). tanh of a convolution of both gives what the second block enhances. Weights do not
    depend on the number of frames, any T >= 1 works. The switches give the rows of the paper's table 3; where the paper
    leaves open how a part is joined, the reading is ours: without the backward pass the convolution reads the forward
    states alone, without the second block its tanh goes to the decoder as it is.

    Args:
        channels: Of the coarsest level.
        first: Whether the first non-local block is there.
        recurrent: 'bidirectional', 'forward', or None for no recurrence.
        second: Whether the second non-local block is there.

    Raises:
        ConfigError: An unknown recurrence, or no part at all.
    """

    def __init__(
        self,
        channels: int = 256,
        first: bool = True,
        recurrent: Literal['bidirectional', 'forward'] | None = 'bidirectional',
        second: bool = True,
    ) -> None:
        super().__init__()
        if recurrent not in ('bidirectional', 'forward', None) or not (first or recurrent or second):
            raise ConfigError(
                f"NER(first={first}, recurrent={recurrent!r}, second={second}): recurrent is 'bidirectional', "
                "'forward' or None, and some part must be there; matcher=None leaves out all of them."
            )
        self.first = NonLocalBlock(channels) if first else None
        self.forward_gru = ConvGRU(channels) if recurrent else None
        self.backward_gru = ConvGRU(channels) if recurrent == 'bidirectional' else None
        inputs = {'bidirectional': 2, 'forward': 1}.get(recurrent, 0) * channels
        self.fuse = nn.Conv2d(inputs, channels, 3, padding=1) if recurrent else None
        self.second = NonLocalBlock(channels) if second else None

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Levels (B, T, C_i, h_i, w_i), fine to coarse, to the same with the coarsest (B, T, channels, h, w) enhanced."""
        *finer, x = features
        if self.first is not None:
            x = self.first(x)
        if self.forward_gru is not None:
            x = self._recur(x)
        if self.second is not None:
            x = self.second(x)
        return [*finer, x], {}

    def _recur(self, x: Tensor) -> Tensor:
        states = self.forward_gru(x, x[:, 0])
        if self.backward_gru is not None:
            backward = self.backward_gru(states, states[:, -1], reverse=True)
            states = torch.cat([states, backward], dim=2)
        return torch.tanh(self.fuse(states.flatten(0, 1))).unflatten(0, x.shape[:2])
