"""A 3x3 convolution of an enlarged map, computed on the small map.

Enlarging and convolving are both linear, so they can be exchanged: the products with the weights are made once for each
small position, and what is left for the large one are the few coefficients of interpolation and shift. For a factor of 4
that is about a ninth of the multiplications, and no large map of many channels is held.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

# Small rows and columns of a block: its large map then stays in the processor's second cache.
BLOCK = 8


def can_exchange(x: Tensor, size: tuple[int, int]) -> bool:
    """Whether `classified_enlarged` takes a map: on the CPU, in full precision, without gradient, whole factors from 2 on.

    Many small products are what a CPU's cache likes and a GPU does not; under a compiler or exporter the plain order is
    the one that others understand.

    Examples:
        >>> x = torch.ones(1, 8, 4, 4)
        >>> with torch.no_grad():
        ...     can_exchange(x, (16, 16)), can_exchange(x, (15, 15))
        (True, False)
        >>> can_exchange(x, (16, 16))  # a gradient is wanted
        False
    """
    whole = all(large % small == 0 and large // small >= 2 for large, small in zip(size, x.shape[-2:]))
    plain = (
        x.device.type == 'cpu' and x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled('cpu')
    )
    return whole and plain and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def classified_enlarged(
    x: Tensor, size: tuple[int, int], weight: Tensor, bias: Tensor, last_weight: Tensor, last_bias: Tensor
) -> Tensor:
    """Bilinear enlargement, 3x3 convolution with zeros outside, ReLU, 1x1 convolution to one channel; no gradient.

    Equal to these steps one after the other up to rounding.

    Args:
        x: (N, C, h, w); see `can_exchange`.
        size: (H, W), whole multiples of (h, w).
        weight: (D, C, 3, 3) of the first convolution; bias: (D,).
        last_weight: (1, D, 1, 1) of the second one; last_bias: (1,).

    Returns:
        (N, 1, H, W).

    Examples:
        >>> x, ones = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
        >>> with torch.no_grad():
        ...     found = classified_enlarged(x, (6, 6), ones, torch.zeros(1), torch.ones(1, 1, 1, 1), torch.zeros(1))
        >>> found[0, 0, :2].tolist()  # a pixel of a corner has four neighbours inside, itself among them
        [[4.0, 6.0, 6.0, 6.0, 6.0, 4.0], [6.0, 9.0, 9.0, 9.0, 9.0, 6.0]]
    """
    height, width = size
    h, w = x.shape[-2:]
    # (3 rows of the kernel, C, 3 columns * D): one product for each row, the columns side by side.
    kernels = weight.permute(2, 1, 3, 0).flatten(2).contiguous()
    down, across = _coefficients(h, height).to(x), _coefficients(w, width).to(x)
    last = last_weight.flatten()
    result = x.new_empty(len(x), 1, height, width)
    for image, found in zip(x, result[:, 0]):
        rows = image.permute(1, 2, 0).contiguous()
        for low, high, tall in _blocks(h, height // h):
            # Where these rows of the large map look, one small row further on each side.
            first, end = max(0, low - 1), min(h, high + 1)
            products = torch.matmul(rows[first:end].flatten(0, 1), kernels).flatten(1).view(3 * (end - first), -1)
            mixed = (down[tall, :, first:end].flatten(1) @ products).view(-1, 3 * w, len(weight))
            for left, right, wide in _blocks(w, width // w):
                start, stop = max(0, left - 1), min(w, right + 1)
                taken = across[wide, :, start:stop].transpose(1, 2).flatten(1)
                values = torch.bmm(taken.expand(len(mixed), -1, -1), mixed[:, 3 * start : 3 * stop])
                found[tall, wide] = (values.add_(bias).relu_() @ last).add_(last_bias)
    return result


def _blocks(small: int, factor: int) -> Iterator[tuple[int, int, slice]]:
    """Begin and end of the blocks of a small side, and where they lie on the large one."""
    for low in range(0, small, BLOCK):
        high = min(small, low + BLOCK)
        yield low, high, slice(low * factor, high * factor)


def _coefficients(small: int, large: int) -> Tensor:
    """(large, 3, small): how much the pixel before, at and after each large place has of every small one."""
    factor = large // small
    place = (torch.arange(large, dtype=torch.float64) + 0.5) / factor - 0.5
    # As in bilinear interpolation without aligned corners: beyond the outermost centres the map is constant.
    place = place.clamp(0, small - 1)
    below = place.floor().long()
    weight = place - below
    enlarged = torch.zeros(large, small, dtype=torch.float64)
    every = torch.arange(large)
    enlarged[every, below] += 1 - weight
    enlarged[every, (below + 1).clamp(max=small - 1)] += weight
    # Zeros outside of the large map.
    zeros = torch.zeros(1, small, dtype=torch.float64)
    return torch.stack([torch.cat([zeros, enlarged[:-1]]), enlarged, torch.cat([enlarged[1:], zeros])], 1)
