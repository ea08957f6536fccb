"""Gaussian filter over place and colour in time linear in the pixels: a bilateral grid (Paris and Durand, ECCV 2006)."""

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import full_precision

# Distances of nodes in widths of the Gaussian, of which the finest is taken whose grid is in proportion to the image (or
# small in any case): photographs with few colours get a finer one in the same time.
_SPACINGS = (0.4, 0.45, 0.5, 0.55, 0.6)
_NODES_PER_PIXEL, _SMALL = 24, 2**19
# The coarsest one may need more, up to here or to five times that proportion.
_MOST = 2**26
# Pixels, or nodes of a row, that are worked on at once.
_PART = 2**15
# Grey, red against green, both against blue; lengths 1, so that distances stay. Colours of most photographs fill a small
# part of the range of the last two.
_OPPONENT = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, -(2**-0.5), 0.0), (6**-0.5, 6**-0.5, -2 * 6**-0.5))


class BilateralGrid:
    """Sums over all pixels, weighted by a Gaussian of the distance in place and colour, for one image.

    Values of pixels are added to the 32 nodes around them in a grid of 2 + 3 axes, linearly by their distance; the
    grid is filtered by a Gaussian along each axis; every pixel reads its nodes with the same weights. Both
    interpolations widen the Gaussian a little, so that of the grid is narrower by as much. The filter is a symmetric
    positive matrix, the exact one times a constant up to an error that falls with the distance of the nodes; the
    constant cancels wherever the kernel is normalised.

    Built once for an image. The result is the same in every call, also on a GPU: no sum depends on the order of threads.

    Args:
        colours: (3, H, W), RGB.
        near: Width of the Gaussian in pixels.
        alike: Width of the Gaussian in units of the colours.
        spacing: Distance of the nodes along each axis, in widths, below 1.7; by default between 0.4 and 0.6, as fine as
            a grid of 24 nodes per pixel, or of half a million, allows.

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

    def __init__(self, colours: Tensor, near: float, alike: float, spacing: float | None = None) -> None:
        if colours.dim() != 3 or len(colours) != 3:
            raise ValueError(f'colours {tuple(colours.shape)}: expected (3, H, W).')
        self.size = tuple(colours.shape[1:])
        pixels = self.size[0] * self.size[1]
        dtype, device = colours.dtype, colours.device
        rows, columns = torch.meshgrid(*(torch.arange(n, dtype=dtype, device=device) for n in self.size), indexing='ij')
        places, flat = torch.stack([rows, columns]).flatten(1) / near, colours.flatten(1) / alike
        # A rotation keeps all distances: the axes with the smaller grid are taken.
        options = [
            _from_zero(torch.cat([places, axes]))
            for axes in (flat, torch.tensor(_OPPONENT, dtype=dtype, device=device) @ flat)
        ]
        points, extent = min(options, key=lambda option: math.prod(_sides(option[1], _SPACINGS[-1])))
        if spacing is None:
            enough = max(_NODES_PER_PIXEL * pixels, _SMALL)
            fitting = (width for width in _SPACINGS if math.prod(_sides(extent, width)) <= enough)
            spacing = next(fitting, _SPACINGS[-1])
        self.sides = _sides(extent, spacing)
        nodes = math.prod(self.sides)
        if nodes > max(_MOST, 5 * _NODES_PER_PIXEL * pixels):
            raise ValueError(
                f'widths of {near:g} pixels and {alike:g} in colour ask for a grid of {nodes:,} nodes for {pixels:,} '
                'pixels: choose larger widths, or the exact form.'
            )
        points = points / spacing
        self._kernels = [_gaussian(side, spacing, colours) for side in self.sides]
        strides = [math.prod(self.sides[axis + 1 :]) for axis in range(5)]
        # Node 0 of the grid to the 32 corners of a cell, the last axis fastest.
        self._corners = torch.tensor(
            [sum(steps) for steps in itertools.product(*((0, stride) for stride in strides))], device=colours.device
        )
        lowest = points.floor()
        cells = sum((axis.long() * stride for axis, stride in zip(lowest, strides)), points.new_zeros(1).long())
        # Pixels are kept in the order of their cells: the values of a cell are added in a fixed order, once, and only
        # cells are looked up in the large grid.
        self._order: Tensor
        cells, self._order = cells.sort(stable=True)
        self._cells, self._cell_of, counts = cells.unique_consecutive(return_inverse=True, return_counts=True)
        self._starts = counts.cumsum(0) - counts
        self._weights = _corner_weights((points - lowest)[:, self._order])
        # Which cells each part of the pixels reads.
        parts = [(start, min(start + _PART, pixels)) for start in range(0, pixels, _PART)]
        ends = self._cell_of[[place for start, stop in parts for place in (start, stop - 1)]].tolist()
        self._parts = [(*part, first, last + 1) for part, first, last in zip(parts, ends[::2], ends[1::2])]

    def filter(self, values: Tensor) -> Tensor:
        """(H, W) to (H, W), differentiable in the values."""
        filtered: Tensor = _SymmetricFilter.apply(values, self)
        return filtered

    def apply_matrix(self, values: Tensor) -> Tensor:
        """As :meth:`filter`, without gradient."""
        # Autocast would round sums of 100,000 values to 8 bits.
        with full_precision(values):
            given = values.flatten()[self._order]
            places = torch.arange(len(given), device=given.device)
            sums = F.embedding_bag(places, self._weights, self._starts, mode='sum', per_sample_weights=given)
            grid = values.new_zeros(math.prod(self.sides))
            for corner, column in zip(self._corners, sums.t()):
                # Of one corner all nodes differ, so that each is added to once.
                grid.index_add_(0, self._cells + corner, column)
            self._blur(grid.view(self.sides[0], -1))
            result = torch.empty_like(given)
            for start, stop, first, last in self._parts:
                corners = grid[self._cells[first:last, None] + self._corners]
                read = corners[self._cell_of[start:stop] - first].mul_(self._weights[start:stop])
                result[self._order[start:stop]] = read.sum(1)
        return result.view(self.size)

    def _blur(self, planes: Tensor) -> None:
        """Filter the grid, (first side, the rest), in place and in parts that stay in the processor's cache."""
        first, *kernels = self._kernels
        for plane in planes:
            nodes = plane
            for axis, kernel in enumerate(kernels, 1):
                behind = math.prod(self.sides[axis + 1 :])
                rows = nodes.view(-1, self.sides[axis], behind)
                nodes = rows[..., 0] @ kernel if behind == 1 else kernel @ rows
            plane.copy_(nodes.flatten())
        for part in planes.split(_PART, 1):
            part.copy_(first @ part)


class _SymmetricFilter(torch.autograd.Function):
    """The gradient of a symmetric matrix is the matrix itself."""

    @staticmethod
    def forward(ctx, values: Tensor, grid: BilateralGrid) -> Tensor:
        ctx.grid = grid
        return grid.apply_matrix(values)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return _SymmetricFilter.apply(gradient, ctx.grid), None


def _from_zero(points: Tensor) -> tuple[Tensor, list[float]]:
    """Points moved so that every axis starts at 0, and where each ends."""
    points = points - points.amin(1, keepdim=True)
    return points, points.amax(1).tolist()


def _sides(extent: Sequence[float], spacing: float) -> list[int]:
    """Nodes that each axis needs."""
    # One more than the last one reached: rounding may bring the last point to the next node.
    return [int(highest / spacing + 1e-3) + 2 for highest in extent]


def _gaussian(side: int, spacing: float, like: Tensor) -> Tensor:
    """Kernel of all pairs of nodes of an axis, (side, side)."""
    places = torch.arange(side, dtype=like.dtype, device=like.device) * spacing
    # Linear interpolation adds spacing^2 / 6 to the variance, on average over a cell, when writing and when reading.
    kernel = torch.exp(-0.5 * (places[:, None] - places).square() / (1 - spacing**2 / 3))
    # What no sum can show is 0: products of such entries are denormal numbers, with which some processors take ten times as
    # long, the whole filter three times.
    return torch.where(kernel < torch.finfo(kernel.dtype).eps ** 2, 0.0, kernel)


def _corner_weights(fractions: Sequence[Tensor] | Tensor) -> Tensor:
    """Of the corners of a cell, (P, 32), from the place in it, (5, P) in [0, 1)."""
    weights = torch.ones_like(fractions[0])[:, None]
    for fraction in fractions:
        pair = torch.stack([1 - fraction, fraction], 1)
        weights = (weights[:, :, None] * pair[:, None]).flatten(1)
    return weights
