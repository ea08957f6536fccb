"""Near pixels of like colour belong to the same side of a mask."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from salseg.ops.affinity_sweep import Pair, affinity_sweep
from salseg.ops.flat_grid import half_window
from salseg.ops.shift import shift, window_offsets


class PairTerms(NamedTuple):
    """Sums over the pairs of pixels that count.

    Attributes:
        cost: Scalar with gradient, each pair once for each of its pixels inside the box.
        inside: Number of these.
        outside: Further pairs whose partner is outside the image: they cost nothing, but the released code counts
            those whose pixel is nearly black, the colour of its padding.
    """

    cost: Tensor
    inside: Tensor
    outside: Tensor


def neighbour_similarity(lab: Tensor, dilation: int = 2, gamma: float = 2.0, padded: bool = True) -> Tensor:
    """exp(-|colour difference| / gamma) of every pixel and its eight neighbours, row by row (BoxInst, eq. 5).

    Args:
        lab: (T, 3, h, w) CIE Lab.
        dilation: Distance of the neighbours in pixels.
        gamma: Colour distance of similarity 1/e.
        padded: Whether neighbours outside the image have the colour 0 (MaskFreeVIS); else similarity 0 (BoxInst).

    Returns:
        (T, 8, h, w) in [0, 1].
    """
    inside = torch.ones_like(lab[:, 0])
    found = []
    for dy, dx in window_offsets(1, dilation):
        similarity = torch.exp(-(lab - shift(lab, dy, dx)).norm(dim=1) / gamma)
        found.append(similarity if padded else similarity * shift(inside, dy, dx))
    return torch.stack(found, 1)


def pairwise_terms(
    output: Tensor,
    lab: Tensor,
    boxes: Tensor,
    *,
    logits: bool,
    threshold: float = 0.3,
    gamma: float = 2.0,
    dilation: int = 2,
) -> PairTerms:
    """Cost of disagreement of near pixels of like colour (BoxInst; box-trained XMem, thesis eq. 3.13 to 3.17).

    A pair is met once, for both of its pixels; colours are compared squared, without root and exponential.

    Args:
        output: (N, T, h, w), logits or probabilities of N objects.
        lab: (T, 3, h, w), or (N, T, 3, h, w) where the objects belong to several clips.
        boxes: (N, T, h, w) bool; a pixel counts inside the object's box.
        logits: What the output is.
        threshold: Similarity from which a pair counts, in (0, 1].
        gamma: See :func:`neighbour_similarity`.
        dilation: Distance of the neighbours.
    """
    limit = (gamma * math.log(1 / threshold)) ** 2
    boxes = boxes.to(output.dtype)
    ones = torch.ones_like(lab[..., 0, :, :])
    inside = output.new_zeros(())
    partners = torch.zeros_like(ones)

    def pairs() -> Iterator[Pair]:
        for dy, dx in half_window(1, dilation):
            there = shift(ones, dy, dx)
            alike = ((lab - shift(lab, dy, dx)).square().sum(-3) <= limit) * there
            weight = alike * (boxes + shift(boxes, dy, dx))
            inside.add_(weight.sum())
            partners.add_(there + shift(ones, -dy, -dx))
            yield dy, dx, weight

    cost = affinity_sweep(output, output, pairs(), logits)
    dark = (lab.square().sum(-3) <= limit) * (8 - partners)
    return PairTerms(cost, inside, (dark * boxes).sum())
