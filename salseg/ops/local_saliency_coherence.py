"""Local saliency coherence: near pixels of similar colour should be equally salient."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable

from salseg.ops.geometry import FlatGrid, half_window
from salseg.ops.precision import at_least_float32

# Colour of the margin: further from every colour than any bandwidth, while its square still is a float32.
_FAR = 1e18
# Weights below 2**-100 count as 0: they are nothing beside the others, and exp2 is many times slower in underflow.
_SMALLEST = -100.0


class CoherenceKernel(NamedTuple):
    """One Gaussian of the pair weight (thesis eq. 4.4).

    Attributes:
        weight: Its fraction of the sum, positive.
        sigma_position: Bandwidth of the distance, in pixels of the maps.
        sigma_image: Bandwidth of the colour difference summed over channels, in units of the image handed in; None
            leaves colour out; a sequence gives one for every channel of the saliency (SCWSSOD's released code has
            0.1, 0.01, 0.001, 0.0001 for its four outputs).
    """

    weight: float = 1.0
    sigma_position: float = 6.0
    sigma_image: float | Sequence[float | None] | None = 0.1


def local_saliency_coherence(
    saliency: Tensor,
    image: Tensor,
    kernels: Sequence[CoherenceKernel] = (CoherenceKernel(),),
    radius: int = 5,
    *,
    border: Literal['zeros', 'ignore'] = 'zeros',
) -> Tensor:
    """Pair weight times difference in saliency, summed over a window, averaged over pixels (SCWSSOD, thesis eq. 4.3).

    Equal to the published form, which unfolds windows, without its memory: every unordered pair is met once, for all
    channels together, and the gradient is summed in the same sweep. Computed in float32, float64 for float64 saliency.

    Args:
        saliency: (..., K, h, w), usually probabilities.
        image: (..., C, h, w), colours; a constant: no gradient flows into it.
        kernels: Gaussians whose sum is the weight of a pair.
        radius: Half the side of the window, in pixels.
        border: 'zeros' lets a neighbour outside the image be black, unsalient and at position (0, 0), as in the
            released code, which pulls saliency down near the top left corner; 'ignore' leaves such pairs out.

    Returns:
        (..., K), for every map the mean over its pixels; the published loss is the mean of these.

    Raises:
        ValueError: Shapes do not belong together, there is no kernel, or a bandwidth is not positive.

    Examples:
        >>> saliency = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]]).expand(1, 1, 8, 4)  # (B, K, h, w)
        >>> plain, edge = torch.zeros(1, 3, 8, 4), saliency.expand(1, 3, 8, 4)
        >>> options = dict(radius=2, border='ignore')
        >>> round(local_saliency_coherence(saliency, plain, **options).item(), 2)  # a step where the image has none
        5.96
        >>> round(local_saliency_coherence(saliency, edge, **options).item(), 2)  # a step along an edge costs nothing
        0.0
    """
    _check(saliency, image, radius, border)
    saliency = at_least_float32(saliency)
    flat = saliency.reshape(-1, *saliency.shape[-3:])
    colours = image.detach().reshape(-1, *image.shape[-3:]).to(saliency)
    groups = _channel_groups(kernels, flat.shape[1])
    return _Coherence.apply(flat, colours, groups, radius, border).reshape(saliency.shape[:-2])


def _check(saliency: Tensor, image: Tensor, radius: int, border: str) -> None:
    if min(saliency.dim(), image.dim()) < 3 or (*saliency.shape[:-3], *saliency.shape[-2:]) != (
        *image.shape[:-3],
        *image.shape[-2:],
    ):
        raise ValueError(
            'saliency (..., K, h, w) and image (..., C, h, w) must agree in all but the channels; found '
            f'{tuple(saliency.shape)} and {tuple(image.shape)}. Resize both to one size first.'
        )
    if radius < 1:
        raise ValueError(f'radius is {radius}; the window needs at least 1.')
    if border not in ('zeros', 'ignore'):
        raise ValueError(f"border is {border!r}; it can be 'zeros' or 'ignore'.")


class _Gaussian(NamedTuple):
    """A kernel as one channel sees it: its weight, and the factors of both squared distances in the exponent."""

    weight: float
    position: float
    colour: float | None


_Groups = list[tuple[list[int], tuple[_Gaussian, ...]]]


def _channel_groups(kernels: Sequence[CoherenceKernel], channels: int) -> _Groups:
    """Channels with the same kernels stand together: their pair weights are built once."""
    if not kernels:
        raise ValueError('local saliency coherence needs at least one kernel.')
    groups: dict[tuple[_Gaussian, ...], list[int]] = {}
    for channel in range(channels):
        resolved = tuple(_resolve(CoherenceKernel(*kernel), channel, channels) for kernel in kernels)
        groups.setdefault(resolved, []).append(channel)
    return [(members, resolved) for resolved, members in groups.items()]


def _resolve(kernel: CoherenceKernel, channel: int, channels: int) -> _Gaussian:
    colour = kernel.sigma_image
    if isinstance(colour, Sequence):
        if len(colour) != channels:
            raise ValueError(f'sigma_image has {len(colour)} entries for {channels} channels of saliency: {colour}.')
        colour = colour[channel]
    if min(kernel.weight, kernel.sigma_position, 1 if colour is None else colour) <= 0:
        raise ValueError(f'the weight and bandwidths of a kernel must be positive; found {kernel}.')
    return _Gaussian(kernel.weight, -0.5 / kernel.sigma_position**2, None if colour is None else -0.5 / colour**2)


class _Coherence(torch.autograd.Function):
    """Value and gradient in one sweep; what is kept for the backward pass is the gradient, one map for each map."""

    @staticmethod
    def forward(ctx: FunctionCtx, saliency: Tensor, image: Tensor, groups: _Groups, radius: int, border: str) -> Tensor:
        height, width = saliency.shape[-2:]
        grid = FlatGrid(height, width, margin=radius)
        weights = _PairWeights(image, grid)
        sums = [_Sums(grid.flatten(saliency[:, members])) for members, _ in groups]
        # Every pair twice in eq. 4.3, with the same value: one sweep over half the window, weights doubled.
        for dy, dx in half_window(radius):
            # On a flat grid with a margin a displacement is one offset: slices, no padding and no index for any of the
            # pairs.
            shift = grid.shift(dy, dx)
            weights.move(shift, dy * dy + dx * dx)
            for (_, kernels), part in zip(groups, sums):
                part.add_pairs(weights.of(kernels), shift)
        values, gradient = torch.empty_like(saliency), torch.empty_like(saliency)
        for (members, kernels), part in zip(groups, sums):
            values[:, members], gradient[:, members] = grid.restore(part.values), grid.restore(part.gradient)
            if border == 'zeros':
                pull = _outside_weight(image, kernels, radius)
                # Outside neighbours have saliency 0, so their difference is the pixel's own value.
                values[:, members] += pull * saliency[:, members].abs()
                gradient[:, members] += pull * saliency[:, members].sign()
        # The gradient does not depend on what comes in from above but for a factor, so it is ready here, and the loss
        # keeps one map instead of 121.
        ctx.save_for_backward(gradient.div_(height * width))
        return values.sum((-2, -1)).div_(height * width)

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_output[..., None, None], None, None, None, None


class _PairWeights:
    """Weights of all pairs at one offset, built in buffers that every offset uses again."""

    def __init__(self, image: Tensor, grid: FlatGrid) -> None:
        self.colours = grid.flatten(image, fill=_FAR)
        self.inside = grid.flatten(torch.ones_like(image[:, :1]))[0]
        self.buffers = [torch.empty_like(self.inside) for _ in range(3)]

    def move(self, shift: int, squared_distance: float) -> None:
        """Go to an offset: squared colour differences of its pairs."""
        self.shift, self.squared_distance = shift, squared_distance
        self.distance, self.scratch, self.total = (buffer[: buffer.shape[0] - shift] for buffer in self.buffers)
        for i, channel in enumerate(self.colours):
            difference = torch.sub(channel[:-shift], channel[shift:], out=self.scratch)
            if i:
                self.distance.addcmul_(difference, difference)
            else:
                torch.mul(difference, difference, out=self.distance)

    def of(self, kernels: tuple[_Gaussian, ...]) -> Tensor:
        """Sum over the kernels, twice, since each of a pair's pixels has the other in its window."""
        for i, kernel in enumerate(kernels):
            out = self.scratch if i else self.total
            # Colour alone keeps pairs with the margin out, being far from everything; where it has no say, the mask
            # must.
            if kernel.colour is None:
                torch.mul(self.inside[: -self.shift], self.inside[self.shift :], out=out)
            else:
                # In powers of two: exp2 is the cheaper function.
                torch.mul(self.distance, kernel.colour / math.log(2), out=out)
                torch.threshold_(out, _SMALLEST, -math.inf).exp2_()
            # The distance is one number for all pairs of an offset, so it is no map.
            out.mul_(2 * kernel.weight * math.exp(kernel.position * self.squared_distance))
            if i:
                self.total.add_(out)
        return self.total


class _Sums:
    """Terms and gradient of some channels, summed over offsets. Terms are booked at one pixel of the pair."""

    def __init__(self, saliency: Tensor) -> None:
        self.saliency = saliency
        self.values, self.gradient = torch.zeros_like(saliency), torch.zeros_like(saliency)
        self.buffers = torch.empty_like(saliency), torch.empty_like(saliency)

    def add_pairs(self, weight: Tensor, shift: int) -> None:
        difference, pull = (buffer[:, :-shift] for buffer in self.buffers)
        torch.sub(self.saliency[:, :-shift], self.saliency[:, shift:], out=difference)
        # Sign 0 for equal pixels, as the released |x|: where all is flat there is no pull.
        torch.sign(difference, out=pull).mul_(weight)
        self.values[:, :-shift].addcmul_(pull, difference)
        self.gradient[:, :-shift].add_(pull)
        self.gradient[:, shift:].sub_(pull)


def _outside_weight(image: Tensor, kernels: tuple[_Gaussian, ...], radius: int) -> Tensor:
    """(N, 1, h, w): weight of all neighbours outside the image, each black and at position (0, 0)."""
    y, x = (torch.arange(n, dtype=image.dtype, device=image.device) for n in image.shape[-2:])
    # All outside neighbours of a pixel weigh alike, so their number suffices.
    rows, columns = (t.clamp(max=radius) + t.flip(0).clamp(max=radius) + 1 for t in (y, x))
    outside = (2 * radius + 1) ** 2 - rows[:, None] * columns
    squared_distance = y[:, None].square() + x.square()
    squared_colour = image.square().sum(1, keepdim=True)
    total = torch.zeros_like(squared_colour)
    for kernel in kernels:
        total += kernel.weight * torch.exp(kernel.position * squared_distance + (kernel.colour or 0) * squared_colour)
    return total * outside
