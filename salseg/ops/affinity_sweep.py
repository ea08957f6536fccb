"""Sums of costs of disagreement over many displacements, with their gradient found in the same sweep."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.affinity_cost import EPSILON

# A displacement (dy, dx) and the weight of each pixel of the first map, (N or 1, ..., h, w).
Pair = tuple[int, int, Tensor]


def affinity_sweep(first: Tensor, second: Tensor, pairs: Iterable[Pair], logits: bool) -> Tensor:
    """sum over displacements and pixels of weight * :func:`salseg.ops.affinity_cost` (first, second displaced).

    What a displacement takes outside the image costs nothing. No shifted map is kept for the backward pass: gradients
    are summed up on the way, so that memory does not grow with the number of displacements. Weights get no gradient, and
    there is no second derivative.

    Args:
        first, second: (..., h, w), logits or probabilities.
        pairs: Displacements and weights; an iterator is used up.
        logits: What the maps are.

    Returns:
        Scalar in nats.
    """
    return _Sweep.apply(first, second, pairs, logits)


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, pairs: Iterable[Pair], logits: bool) -> Tensor:
        learns = any(ctx.needs_input_grad[:2])
        slopes = (torch.zeros_like(first), torch.zeros_like(second)) if learns else None
        total = first.new_zeros(())
        add = _add_logits if logits else _add_probabilities
        # Maps of each side that are the same for all displacements.
        prepared = [(x, *(f(x) for f in (_OF_LOGITS if logits else _OF_PROBABILITIES))) for x in (first, second)]
        for dy, dx, weight in pairs:
            places = overlap(first.shape[-2:], dy, dx)
            x, y = ([part[place] for part in parts] for parts, place in zip(prepared, places))
            found = None if slopes is None else [slope[place] for slope, place in zip(slopes, places)]
            total += add(weight[places[0]], x, y, found)
        if slopes is not None:
            ctx.save_for_backward(*slopes)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *(grad * slope for slope in ctx.saved_tensors), None, None


def overlap(size: tuple[int, int], dy: int, dx: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Index of the pixels whose displaced partner is in the image, and of these partners."""
    here, there = [...], [...]
    for length, step in zip(size, (dy, dx)):
        here.append(slice(max(0, -step), max(0, min(length, length - step))))
        there.append(slice(max(0, step), max(0, min(length, length + step))))
    return tuple(here), tuple(there)


_OF_PROBABILITIES = (lambda x: 2 * x - 1, lambda x: 1 - x)
_OF_LOGITS = (F.softplus, torch.sigmoid)
Maps = list[Tensor]


def _add_probabilities(weight: Tensor, x: Maps, y: Maps, slopes: Maps | None) -> Tensor:
    agree = torch.addcmul(y[2], x[0], y[1])
    cost = agree.clamp(min=EPSILON).log_().mul_(weight).sum()
    if slopes is not None:
        share = torch.where(agree > EPSILON, weight / agree, 0.0)
        slopes[0].addcmul_(share, y[1], value=-1)
        slopes[1].addcmul_(share, x[1], value=-1)
    return -cost


def _add_logits(weight: Tensor, x: Maps, y: Maps, slopes: Maps | None) -> Tensor:
    both = x[0] + y[0]
    cost = (x[1] + y[1]).sub_(F.softplus(both)).mul_(weight).sum()
    if slopes is not None:
        both.sigmoid_()
        slopes[0].addcmul_(x[2] - both, weight)
        slopes[1].addcmul_(y[2] - both, weight)
    return cost
