"""Recurrent unit on maps."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        bias = torch.cat([gate.bias for gate in gates])
        given = F.conv2d(x.flatten(0, 1), weight, bias, padding=self.padding).unflatten(0, x.shape[:2])
        recurrent = torch.cat([gate.weight[:, c:] for gate in gates[:2]]), self.output_gate.weight[:, c:]
        states: list[Tensor] = []
        for t in _order(x.shape[1], reverse):
            state = self._step(given[:, t], state, recurrent)
            states.append(state)
        return torch.stack(states[::-1] if reverse else states, dim=1)

    def _step(self, given: Tensor, state: Tensor, recurrent: tuple[Tensor, Tensor]) -> Tensor:
        of_gates, of_candidate = given.split([2 * self.channels, self.channels], dim=1)
        both = torch.sigmoid(of_gates + F.conv2d(state, recurrent[0], padding=self.padding))
        reset, update = both.chunk(2, dim=1)
        candidate = torch.tanh(of_candidate + F.conv2d(reset * state, recurrent[1], padding=self.padding))
        return torch.lerp(candidate, state, update)


def _order(count: int, reverse: bool) -> Sequence[int]:
    return range(count)[::-1] if reverse else range(count)
