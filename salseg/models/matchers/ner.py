"""Non-locally enhanced recurrence over the frames of a clip (RCRNet+NER): non-local blocks around a DB-ConvGRU."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import saves_memory
from salseg.ops import linear_non_local
from salseg.registry import MATCHERS


class NonLocalBlock(nn.Module):
    """Every position of every frame gathers from all positions of all frames, without softmax (RCRNet, section 3.2).

    The response is divided by the number of positions. The last layer starts at zero, so the block starts as identity.

    Args:
        channels: Of the features.
        inner: Channels inside; half of them by default.
    """

    def __init__(self, channels: int, inner: int | None = None) -> None:
        super().__init__()
        # Half, as in the released network.
        inner = inner or channels // 2
        # Convolutions of one position, kept in that form for the published weights; they run as matrix products.
        self.theta = nn.Conv3d(channels, inner, 1)
        self.phi = nn.Conv3d(channels, inner, 1)
        self.g = nn.Conv3d(channels, inner, 1)
        self.expand = nn.Conv3d(inner, channels, 1)
        # Identity at the start: the block is put on top of a trained static network, which must not be shaken.
        for parameter in self.expand.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C, h, w) to the same shape; order and number of frames are free."""
        batch, frames, channels, height, width = x.shape
        # Time and place in one axis: a position is compared with every frame alike, and nothing depends on the frames'
        # order.
        rows = x.permute(0, 1, 3, 4, 2).reshape(batch, -1, channels)
        response = linear_non_local(*(_linear(layer, rows) for layer in (self.theta, self.phi, self.g)))
        rows = rows + _linear(self.expand, response)
        maps = rows.reshape(batch, frames, height, width, channels).permute(0, 1, 4, 2, 3)
        # In prediction channels lie side by side anyway.
        return maps if saves_memory(maps) else maps.contiguous()

    def affinity(self, x: Tensor, place: tuple[int, int, int]) -> Tensor:
        """How much one position takes from every position of a clip, for inspection; prediction never makes it.

        Args:
            x: (T, C, h, w), one clip.
            place: Frame, row and column of the position that asks.

        Returns:
            (T, h, w): theta(asking) . phi(position) / number of positions; may be negative.
        """
        rows = x.permute(0, 2, 3, 1)
        asking = _linear(self.theta, rows[place])
        return _linear(self.phi, rows) @ asking / rows[..., 0].numel()


def _linear(layer: nn.Conv3d, rows: Tensor) -> Tensor:
    return F.linear(rows, layer.weight.flatten(1), layer.bias)


class ConvGRU(nn.Module):
    """Convolutional gated recurrent unit along time (RCRNet, eq. 1 to 4, as released).

    R = sigmoid(conv[x, H]), U = sigmoid(conv[x, H]), C = tanh(conv[x, R * H]), H' = (1 - U) C + U H. The paper puts the
    reset gate behind the convolution of the candidate, the released code before it; this is the code's form.

    Args:
        channels: Of input and state.
        kernel: Side of the convolutions, odd.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.padding = kernel // 2
        self.reset_gate = nn.Conv2d(2 * channels, channels, kernel, padding=self.padding)
        self.update_gate = nn.Conv2d(2 * channels, channels, kernel, padding=self.padding)
        self.output_gate = nn.Conv2d(2 * channels, channels, kernel, padding=self.padding)

    def forward(self, x: Tensor, state: Tensor, reverse: bool = False) -> Tensor:
        """States of all steps.

        Args:
            x: (B, T, C, h, w), time ascending.
            state: (B, C, h, w) before the first step.
            reverse: Go from the last frame to the first.

        Returns:
            (B, T, C, h, w), time ascending.
        """
        gates, c = (self.reset_gate, self.update_gate, self.output_gate), self.channels
        # The input's fraction of all three convolutions does not depend on the state: one call for all frames.
        weight = torch.cat([gate.weight[:, :c] for gate in gates])
        bias = torch.cat([gate.bias for gate in gates if gate.bias is not None])
        given = F.conv2d(x.flatten(0, 1), weight, bias, padding=self.padding).unflatten(0, x.shape[:2])
        recurrent = torch.cat([gate.weight[:, c:] for gate in gates[:2]]), self.output_gate.weight[:, c:]
        states: list[Tensor] = []
        for t in _order(x.shape[1], reverse):
            state = self._step(given[:, t], state, recurrent)
            states.append(state)
        return torch.stack(states[::-1] if reverse else states, dim=1)

    def _step(self, given: Tensor, state: Tensor, recurrent: tuple[Tensor, Tensor]) -> Tensor:
        of_gates, of_candidate = given.split([2 * self.channels, self.channels], dim=1)
        # A convolution of [x, H] is the sum of one on x, done before for all frames, and this one on H.
        both = torch.sigmoid(of_gates + F.conv2d(state, recurrent[0], padding=self.padding))
        reset, update = both.chunk(2, dim=1)
        # The reset gate acts on the state before the convolution, as released; the paper writes it behind.
        candidate = torch.tanh(of_candidate + F.conv2d(reset * state, recurrent[1], padding=self.padding))
        # (1 - U) C + U H: a large update gate keeps the old state, in spite of its name.
        return torch.lerp(candidate, state, update)


def _order(count: int, reverse: bool) -> Sequence[int]:
    return range(count)[::-1] if reverse else range(count)


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
        self.takes = [Takes('channels', channels, -1)]
        self.first = NonLocalBlock(channels) if first else None
        self.forward_gru = ConvGRU(channels) if recurrent else None
        self.backward_gru = ConvGRU(channels) if recurrent == 'bidirectional' else None
        inputs = 2 * channels if recurrent == 'bidirectional' else channels
        self.fuse = nn.Conv2d(inputs, channels, 3, padding=1) if recurrent else None
        self.second = NonLocalBlock(channels) if second else None

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Levels (B, T, C_i, h_i, w_i), fine to coarse, to the same with the coarsest (B, T, channels, h, w) enhanced."""
        # Only the last one is kept: each is as large as the level itself.
        ((_, enhanced),) = deque(self.steps(features[-1]), maxlen=1)
        return [*features[:-1], enhanced], {}

    def steps(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """The coarsest level (B, T, channels, h, w) after each part that is there: 'first', 'recurrent', 'second'."""
        if self.first is not None:
            x = self.first(x)
            yield 'first', x
        if self.forward_gru is not None and self.fuse is not None:
            x = self._recur(x, self.forward_gru, self.fuse)
            yield 'recurrent', x
        if self.second is not None:
            x = self.second(x)
            yield 'second', x

    def _recur(self, x: Tensor, forward: ConvGRU, fuse: nn.Conv2d) -> Tensor:
        # Started from the first frame and not from zeros, as released: the first step has one tensor as input and as
        # state.
        states = forward(x, x[:, 0])
        if self.backward_gru is not None:
            # On the forward states and not on the frames: that is what makes it "deeper", each state has then seen the
            # whole clip.
            backward = self.backward_gru(states, states[:, -1], reverse=True)
            states = torch.cat([states, backward], dim=2)
        # No residual around the recurrence, as released: what the decoder gets has gone through the states.
        return torch.tanh(fuse(states.flatten(0, 1))).unflatten(0, x.shape[:2])
