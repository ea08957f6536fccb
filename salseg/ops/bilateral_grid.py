"""Gaussian filter over place and colour in time linear in the pixels: a bilateral grid (Paris and Durand, ECCV 2006)."""

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import full_precision

# Distance of nodes in widths of the Gaussian. Finer costs time with its fifth power, coarser loses labels.
_SPACING = 0.6
# A grid of this size is always allowed; a larger one only if it is in proportion to the image.
_LEAST_NODES, _NODES_PER_PIXEL = 2**26, 32
# Grey, red against green, both against blue; lengths 1, so that distances stay. Colours of most photographs fill a small
# part of the range of the last two.
_OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, -(2**-0.5), 0.0), (6**-0.5, 6**-0.5, -2 * 6**-0.5))


class BilateralGrid:
    """Sums over all pixels, weighted by a Gaussian of the distance in place and colour, for one image.

    Values of pixels are added to the 32 nodes around them in a grid of 2 + 3 axes, linearly by their distance; the
    grid is filtered by a Gaussian along each axis; every pixel reads its nodes with the same weights. Both
    interpolations widen the Gaussian a little, so that of the grid is narrower by as much. The filter is a symmetric
    positive matrix, the exact one times a constant up to an error that falls with the spacing; the constant cancels
    wherever the kernel is normalised.

    Built once for an image. The result is the same in every call, also on a GPU: no sum depends on the order of threads.

    Args:
        colours: (3, H, W), RGB.
        near: Width of the Gaussian in pixels.
        alike: Width of the Gaussian in units of the colours.
        spacing: Distance of the nodes along each axis, in widths, below 1.7.

    Raises:
        ValueError: The shape does not fit, or the widths are so small that the grid would be far larger than the image.

    Examples:
        >>> image = torch.zeros(3, 8, 8)
        >>> image[:, :, 4:] = 255.0
        >>> grid = BilateralGrid(image, near=80.0, alike=13.0)
        >>> near = grid.filter(torch.eye(8)) / grid.filter(torch.ones(8, 8))  # mean of alike pixels
        >>> bool((near - 1 / 8).abs().max() < 0.01)
        True
    """

    def __init__(self, colours: Tensor, near: float, alike: float, spacing: float = _SPACING) -> None:
        if colours.dim() != 3 or len(colours) != 3:
            raise ValueError(f'colours {tuple(colours.shape)}: expected (3, H, W).')
        self.size = tuple(colours.shape[1:])
        pixels = self.size[0] * self.size[1]
        like = dict(dtype=colours.dtype, device=colours.device)
        rows, columns = torch.meshgrid(*(torch.arange(n, **like) for n in self.size), indexing='ij')
        places = torch.stack([rows, columns]).flatten(1) / (near * spacing)
        flat = colours.flatten(1) / (alike * spacing)
        # A rotation keeps all distances: the axes with the smaller grid are taken.
        options = [torch.cat([places, axes]) for axes in (flat, torch.tensor(_OPPONENT, **like) @ flat)]
        points, self.sides = min(map(_from_zero, options), key=lambda option: math.prod(option[1]))
        nodes = math.prod(self.sides)
        if nodes > max(_LEAST_NODES, _NODES_PER_PIXEL * pixels):
            raise ValueError(
                f'widths of {near:g} pixels and {alike:g} in colour ask for a grid of {nodes:,} nodes for {pixels:,} '
                'pixels: choose larger widths, or the exact form.'
            )
        self._kernels = [_gaussian(side, spacing, colours) for side in self.sides]
        strides = [math.prod(self.sides[axis + 1 :]) for axis in range(5)]
        # Node 0 of the grid to the 32 corners of a cell, the last axis fastest.
        self._corners = [sum(steps) for steps in itertools.product(*((0, stride) for stride in strides))]
        lowest = points.floor()
        cells = sum((axis.long() * stride for axis, stride in zip(lowest, strides)), points.new_zeros(1).long())
        # Pixels are kept in the order of their cells: the values of a cell are added in a fixed order, once, and only
        # cells are looked up in the large grid.
        cells, self._order = cells.sort(stable=True)
        self._cells, self._cell_of, counts = cells.unique_consecutive(return_inverse=True, return_counts=True)
        self._starts = counts.cumsum(0) - counts
        self._places = torch.arange(pixels, device=colours.device)
        self._weights = _corner_weights((points - lowest)[:, self._order])

    def filter(self, values: Tensor) -> Tensor:
        """(H, W) to (H, W), differentiable in the values."""
        filtered: Tensor = _SymmetricFilter.apply(values, self)
        return filtered

    def apply_matrix(self, values: Tensor) -> Tensor:
        """As :meth:`filter`, without gradient."""
        # Autocast would round sums of 100,000 values to 8 bits.
        with full_precision(values):
            given = values.flatten()[self._order]
            sums = F.embedding_bag(self._places, self._weights, self._starts, mode='sum', per_sample_weights=given)
            grid = values.new_zeros(math.prod(self.sides))
            for corner, column in zip(self._corners, sums.t()):
                # Of one corner all nodes differ, so that each is added to once.
                grid[corner:].index_add_(0, self._cells, column)
            grid = self._blur(grid)
            corners = torch.stack([grid[corner:][self._cells] for corner in self._corners], 1)
            found = corners[self._cell_of].mul_(self._weights).sum(1)
            result = torch.empty_like(found)
            result[self._order] = found
        return result.view(self.size)

    def _blur(self, grid: Tensor) -> Tensor:
        for axis, kernel in enumerate(self._kernels):
            behind = math.prod(self.sides[axis + 1 :])
            rows = grid.view(-1, self.sides[axis], behind)
            grid = rows[..., 0] @ kernel if behind == 1 else kernel @ rows
        return grid.flatten()


class _SymmetricFilter(torch.autograd.Function):
    """The gradient of a symmetric matrix is the matrix itself."""

    @staticmethod
    def forward(ctx, values: Tensor, grid: BilateralGrid) -> Tensor:  # type: ignore[no-untyped-def]  # torch's own type
        ctx.grid = grid
        return grid.apply_matrix(values)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def,override]  # as above
        return _SymmetricFilter.apply(gradient, ctx.grid), None


def _from_zero(points: Tensor) -> tuple[Tensor, list[int]]:
    """Points moved so that every axis starts at node 0, and the nodes that each axis needs."""
    points = points - points.amin(1, keepdim=True)
    return points, [int(highest) + 2 for highest in points.amax(1).tolist()]


def _gaussian(side: int, spacing: float, like: Tensor) -> Tensor:
    """Kernel of all pairs of nodes of an axis, (side, side)."""
    places = torch.arange(side, dtype=like.dtype, device=like.device) * spacing
    # Linear interpolation adds spacing^2 / 6 to the variance, on average over a cell, when writing and when reading.
    return torch.exp(-0.5 * (places[:, None] - places).square() / (1 - spacing**2 / 3))


def _corner_weights(fractions: Sequence[Tensor] | Tensor) -> Tensor:
    """Of the corners of a cell, (P, 32), from the place in it, (5, P) in [0, 1)."""
    weights = torch.ones_like(fractions[0])[:, None]
    for fraction in fractions:
        pair = torch.stack([1 - fraction, fraction], 1)
        weights = (weights[:, :, None] * pair[:, None]).flatten(1)
    return weights
