"""Patches of like colour in two frames belong to the same side of a mask."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.affinity_sweep import Pair, affinity_sweep, overlap
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
    image are 0.

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
        inside_only: Leave out candidates whose centre is outside the image before the choice.

    Returns:
        (C, candidates, h, w) bool.
    """
    if inside_only:
        ones = torch.ones_like(similarity[:, 0])
        similarity = similarity * torch.stack([shift(ones, dy, dx) for dy, dx in offsets], 1)
    # Ranks by comparison: for so few candidates that is faster than sorting.
    rank = torch.zeros_like(similarity, dtype=torch.uint8)
    for number in range(1, len(offsets)):
        behind = similarity[:, :number] >= similarity[:, number : number + 1]
        rank[:, :number] += ~behind
        rank[:, number] += behind.sum(1, dtype=torch.uint8)
    return (rank < nearest) & (similarity >= threshold)


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
        count_outside: Whether terms outside the image, which cost nothing, are counted.
    """
    taps = list(window_offsets(1, centre=True)) if patch else [(0, 0)]
    count = here.new_zeros(())

    def pairs() -> Iterator[Pair]:
        for number, (dy, dx) in enumerate(offsets):
            weight = (matches[:, number] & region).to(here.dtype)
            for oy, ox in taps:
                place = (dy + oy, dx + ox)
                inside = weight if count_outside else weight[overlap(here.shape[-2:], *place)[0]]
                count.add_(inside.sum())
                yield *place, weight

    cost = affinity_sweep(here, there, pairs(), logits)
    return MatchTerms(cost, count)


def detached_halves(cost: Tensor) -> Tensor:
    """Mean of two equal costs of maps m and m', in one of which m, in the other m' has its gradient stopped (eq. 3.22).

    By the product rule the value is that of the plain cost and the gradient half of it, which is how it is computed.
    """
    return (cost + cost.detach()) / 2
