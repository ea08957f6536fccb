"""Patches of like colour in two frames belong to the same side of a mask."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.agreement_cost import agreement_cost
from salseg.ops.shift import shift, window_offsets

Offsets = Sequence[tuple[int, int]]


class MatchTerms(NamedTuple):
    """Sums over the matches that count: cost with gradient, and their number."""

    cost: Tensor
    count: Tensor


def search_offsets(step: int = 3, radius: int = 1) -> list[tuple[int, int]]:
    """Where a patch is looked for: a grid of disjoint patches around its place, row by row."""
    return list(window_offsets(radius, step, centre=True))


def patch_similarity(here: Tensor, there: Tensor, offsets: Offsets, gamma: float = 2.0) -> Tensor:
    """exp(-|difference of 3x3 patches| / gamma) of every pixel of one frame and its candidates in another.

    A patch's difference is a box sum of the pixels' differences, so that no patch is written out. Colours outside the
    picture are 0.

    Args:
        here: (C, 3, h, w) Lab of C frames.
        there: (C, 3, h, w) the frames that are searched.
        offsets: Of the candidates' centres.
        gamma: Distance of similarity 1/e.

    Returns:
        (C, candidates, h, w) in (0, 1].
    """
    here, there = F.pad(here, (1, 1, 1, 1)), F.pad(there, (1, 1, 1, 1))
    found = []
    for dy, dx in offsets:
        square = (here - shift(there, dy, dx)).square().sum(1, keepdim=True)
        found.append(F.avg_pool2d(square, 3, 1, divisor_override=1))
    return torch.exp(-torch.cat(found, 1).clamp(min=0).sqrt() / gamma)


def nearest_matches(
    similarity: Tensor, offsets: Offsets, nearest: int = 5, threshold: float = 0.05, inside_only: bool = False
) -> Tensor:
    """Which candidates are matches: the most similar ones, where they are similar enough.

    Args:
        similarity: (C, candidates, h, w).
        offsets: Of the candidates.
        nearest: Candidates kept at most.
        threshold: Similarity from which a candidate counts.
        inside_only: Leave out candidates whose centre lies outside the picture before the choice.

    Returns:
        (C, candidates, h, w) bool.
    """
    if inside_only:
        ones = torch.ones_like(similarity[:, 0])
        similarity = similarity * torch.stack([shift(ones, dy, dx) for dy, dx in offsets], 1)
    top, index = similarity.topk(min(nearest, len(offsets)), dim=1)
    return torch.zeros_like(similarity, dtype=torch.bool).scatter_(1, index, top >= threshold)


def match_terms(
    here: Tensor,
    there: Tensor,
    matches: Tensor,
    offsets: Offsets,
    region: Tensor,
    *,
    logits: bool,
    patch: bool = False,
    count_outside: bool = False,
) -> MatchTerms:
    """Cost of disagreement of matched pixels (MaskFreeVIS; box-trained XMem, thesis eq. 3.18).

    Args:
        here: (N, h, w), logits or probabilities of N objects in one frame.
        there: (N, h, w), in the frame that was searched.
        matches: (N or 1, candidates, h, w) bool.
        offsets: Of the candidates.
        region: (N, h, w) bool; pixels of the first frame that count.
        logits: What the outputs are.
        patch: Whether a pixel is compared with all nine of the matched patch, or with its centre only.
        count_outside: Whether terms outside the picture, which cost nothing, are counted.
    """
    ones = torch.ones_like(here[:1])
    cost, count = here.new_zeros(()), here.new_zeros(())
    for number, (dy, dx) in enumerate(offsets):
        weight = (matches[:, number] & region).to(here.dtype)
        for oy, ox in window_offsets(1, centre=True) if patch else [(0, 0)]:
            inside = shift(ones, dy + oy, dx + ox)
            active = weight * inside
            cost = cost + (active * agreement_cost(here, shift(there, dy + oy, dx + ox), logits)).sum()
            count = count + (weight if count_outside else active).sum()
    return MatchTerms(cost, count)


def detached_halves(cost: MatchTerms, other: MatchTerms) -> Tensor:
    """Mean of two costs that differ only in whose gradient is stopped (thesis eq. 3.22), per active term.

    By the product rule the value is that of the plain cost and the gradient half of it.
    """
    return (cost.cost + other.cost) / 2 / cost.count.clamp(min=1)
