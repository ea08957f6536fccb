"""Costs of pairs of pixels that should have one label: near ones in a frame, and matched ones of two frames."""

import math
from collections.abc import Iterable, Iterator, Sequence
from types import EllipsisType
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.geometry import half_window, shift, window_offsets

# Smaller probabilities of agreement count as this one: the logarithm stays finite.
EPSILON = 1e-12


def affinity_cost(first: Tensor, second: Tensor, logits: bool) -> Tensor:
    """-log(m m' + (1 - m)(1 - m')) (BoxInst, eq. 6).

    Args:
        first, second: Same shape; logits, or probabilities m and m' in [0, 1].
        logits: Which of the two they are. With logits x and y it is softplus(x) + softplus(y) - softplus(x + y), stable
            for all values.

    Returns:
        Same shape, in nats, >= 0.

    Examples:
        >>> m = torch.tensor([0.5, 0.9])
        >>> affinity_cost(m, torch.tensor([0.5, 0.9]), logits=False)  # -ln 0.5, -ln 0.82
        tensor([0.6931, 0.1985])
    """
    if logits:
        # The same in logits, by log(1 + e^(x + y)) = log of agreement plus both normalisers: no probability that could
        # round to 0 or 1.
        return F.softplus(first) + F.softplus(second) - F.softplus(first + second)
    return -torch.log((first * second + (1 - first) * (1 - second)).clamp(min=EPSILON))


# An index of pixels, (..., rows, columns).
Place = tuple[EllipsisType | slice, ...]
# A displacement (dy, dx) and the weight of each pixel of the first map, (N or 1, ..., h, w).
Pair = tuple[int, int, Tensor]


def affinity_sweep(first: Tensor, second: Tensor, pairs: Iterable[Pair], logits: bool) -> Tensor:
    """sum over displacements and pixels of weight * `affinity_cost` (first, second displaced).

    What a displacement takes outside the image costs nothing. No shifted map is kept for the backward pass: gradients
    are summed up on the way, so that memory does not grow with the number of displacements. Weights get no gradient, and
    there is no second derivative.

    Args:
        first, second: (..., h, w), logits or probabilities.
        pairs: Displacements and weights; an iterator is used up.
        logits: What the maps are.

    Returns:
        Scalar in nats.

    Examples:
        >>> m = torch.tensor([[0.0, 1.0, 1.0]])
        >>> weight = torch.ones(1, 3)
        >>> affinity_sweep(m, m, [(0, 1, 0.5 * weight)], logits=False)  # one of two pairs disagrees: -0.5 ln 1e-12
        tensor(13.8155)
    """
    return _Sweep.apply(first, second, pairs, logits)


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, pairs: Iterable[Pair], logits: bool) -> Tensor:
        # The slope of every pair is known when its cost is. Summed up here, the backward pass is one product, and no
        # graph of up to 81 displacements is kept.
        learns = any(ctx.needs_input_grad[:2])
        slopes = (torch.zeros_like(first), torch.zeros_like(second)) if learns else None
        total = first.new_zeros(())
        add = _add_logits if logits else _add_probabilities
        # Maps of each side that are the same for all displacements.
        prepared = [(x, *(f(x) for f in (_OF_LOGITS if logits else _OF_PROBABILITIES))) for x in (first, second)]
        for dy, dx, weight in pairs:
            # Views of what overlaps instead of a padded shift: pairs that leave the image cost nothing, and are not
            # computed.
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


def overlap(size: Sequence[int], dy: int, dx: int) -> tuple[Place, Place]:
    """Index of the pixels whose displaced partner is in the image, and of these partners."""
    here: list[EllipsisType | slice] = [...]
    there: list[EllipsisType | slice] = [...]
    for length, step in zip(size, (dy, dx)):
        here.append(slice(max(0, -step), max(0, min(length, length - step))))
        there.append(slice(max(0, step), max(0, min(length, length + step))))
    return tuple(here), tuple(there)


_OF_PROBABILITIES = (lambda x: 2 * x - 1, lambda x: 1 - x)
_OF_LOGITS = (F.softplus, torch.sigmoid)
Maps = list[Tensor]


def _add_probabilities(weight: Tensor, x: Maps, y: Maps, slopes: Maps | None) -> Tensor:
    # m m' + (1 - m)(1 - m') = (2 m' - 1) m + (1 - m'): one fused step on maps prepared once.
    agree = torch.addcmul(y[2], x[0], y[1])
    cost = agree.clamp(min=EPSILON).log_().mul_(weight).sum()
    if slopes is not None:
        # 0 where the logarithm was clamped: there the cost is constant.
        share = torch.where(agree > EPSILON, weight / agree, 0.0)
        slopes[0].addcmul_(share, y[1], value=-1)
        slopes[1].addcmul_(share, x[1], value=-1)
    return -cost


def _add_logits(weight: Tensor, x: Maps, y: Maps, slopes: Maps | None) -> Tensor:
    both = x[0] + y[0]
    cost = (x[1] + y[1]).sub_(F.softplus(both)).mul_(weight).sum()
    if slopes is not None:
        # The slope of a softplus is a sigmoid. In place: the cost has used `both` up.
        both.sigmoid_()
        slopes[0].addcmul_(x[2] - both, weight)
        slopes[1].addcmul_(y[2] - both, weight)
    return cost


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

    Examples:
        >>> lab = torch.zeros(2, 3, 6, 6)
        >>> similarity = neighbour_similarity(lab, dilation=1, padded=False)
        >>> tuple(similarity.shape), similarity[0, :, 0, 0].sum().item()  # three of eight neighbours are in the image
        ((2, 8, 6, 6), 3.0)
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
    """Cost of disagreement of near pixels of similar colour (BoxInst; box-trained XMem, thesis eq. 3.13 to 3.17).

    A pair is met once, for both of its pixels; colours are compared squared, without root and exponential.

    Args:
        output: (N, T, h, w), logits or probabilities of N objects.
        lab: (T, 3, h, w), or (N, T, 3, h, w) where the objects belong to several clips.
        boxes: (N, T, h, w) bool; a pixel counts inside the object's box.
        logits: What the output is.
        threshold: Similarity from which a pair counts, in (0, 1].
        gamma: See `neighbour_similarity`.
        dilation: Distance of the neighbours.

    Examples:
        >>> output, boxes = torch.full((1, 1, 4, 4), 0.5), torch.ones(1, 1, 4, 4, dtype=torch.bool)
        >>> terms = pairwise_terms(output, torch.zeros(1, 3, 4, 4), boxes, logits=False, dilation=1)
        >>> terms.inside.item(), round((terms.cost / terms.inside).item(), 4)
        (84.0, 0.6931)
    """
    # exp(-d / gamma) >= threshold, solved for d squared.
    limit = (gamma * math.log(1 / threshold)) ** 2
    boxes = boxes.to(output.dtype)
    ones = torch.ones_like(lab[..., 0, :, :])
    inside = output.new_zeros(())
    partners = torch.zeros_like(ones)

    def pairs() -> Iterator[Pair]:
        # Half of the neighbours: agreement is symmetric, so the other half are the same pairs.
        for dy, dx in half_window(1, dilation):
            # Ones shifted along with the colours, since the 0 outside the image is also the colour of black pixels.
            there = shift(ones, dy, dx)
            alike = ((lab - shift(lab, dy, dx)).square().sum(-3) <= limit) * there
            # Once for each of its pixels that is in the box: eq. 3.16 counts ordered pairs.
            weight = alike * (boxes + shift(boxes, dy, dx))
            inside.add_(weight.sum())
            partners.add_(there + shift(ones, -dy, -dx))
            yield dy, dx, weight

    cost = affinity_sweep(output, output, pairs(), logits)
    # Padding has the colour 0, so in the released code near-black border pixels count neighbours that are not there.
    dark = (lab.square().sum(-3) <= limit) * (8 - partners)
    return PairTerms(cost, inside, (dark * boxes).sum())


Offsets = Sequence[tuple[int, int]]


class MatchTerms(NamedTuple):
    """Sums over the matches that count: cost with gradient, and their number."""

    cost: Tensor
    number: Tensor


def search_offsets(step: int = 3, radius: int = 1) -> list[tuple[int, int]]:
    """Search window of a patch: a grid of disjoint patches around its position, row by row.

    Examples:
        >>> search_offsets(step=3, radius=1)[:4]
        [(-3, -3), (-3, 0), (-3, 3), (0, -3)]
    """
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

    Examples:
        >>> here = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
        >>> similarity = patch_similarity(here, here, search_offsets())
        >>> tuple(similarity.shape), bool((similarity.argmax(1) == 4).all())  # a patch is most like itself
        ((1, 9, 6, 6), True)
    """
    # Padded before the difference: outside both images the colours are 0 and equal, as if patches were written out.
    here, there = F.pad(here, (1, 1, 1, 1)), F.pad(there, (1, 1, 1, 1))
    found = []
    for dy, dx in offsets:
        square = (here - shift(there, dy, dx)).square().sum(1, keepdim=True)
        found.append(F.avg_pool2d(square, 3, 1, divisor_override=1))
    # Clamped, since a pooling that updates its sums along a row may end a rounding below 0, whose root is NaN.
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

    Examples:
        >>> similarity = torch.tensor([0.9, 0.01, 0.5]).reshape(1, 3, 1, 1)
        >>> nearest_matches(similarity, [(0, 0), (0, 1), (1, 0)], nearest=2, threshold=0.05).flatten().tolist()
        [True, False, True]
    """
    if inside_only:
        # Before the choice: a candidate outside would take a place among the nearest from one that can teach something.
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

    Examples:
        >>> here, region = torch.full((1, 2, 2), 0.5), torch.ones(1, 2, 2, dtype=torch.bool)
        >>> matches = torch.ones(1, 1, 2, 2, dtype=torch.bool)
        >>> terms = match_terms(here, here, matches, [(0, 0)], region, logits=False)
        >>> terms.number.item(), round((terms.cost / terms.number).item(), 4)
        (4.0, 0.6931)
    """
    # Patches that look alike agree in all of their pixels (thesis); the released code believes the centre only.
    taps = list(window_offsets(1, centre=True)) if patch else [(0, 0)]
    count = here.new_zeros(())

    def pairs() -> Iterator[Pair]:
        for number, (dy, dx) in enumerate(offsets):
            # Filtered by the pixel's own side alone: its partner may have left the box, and that is what shall be
            # learnt.
            weight = (matches[:, number] & region).to(here.dtype)
            for oy, ox in taps:
                place = (dy + oy, dx + ox)
                # The released code counts terms that fall outside, which makes its mean smaller near the border.
                inside = weight if count_outside else weight[overlap(here.shape[-2:], *place)[0]]
                count.add_(inside.sum())
                yield *place, weight

    cost = affinity_sweep(here, there, pairs(), logits)
    return MatchTerms(cost, count)


def detached_halves(cost: Tensor) -> Tensor:
    """Mean of two equal costs of maps m and m', in one of which m, in the other m' has its gradient stopped (eq. 3.22).

    By the product rule the value is that of the plain cost and the gradient half of it, which is how it is computed.

    Examples:
        >>> m = torch.tensor(3.0, requires_grad=True)
        >>> half = detached_halves(m.square())
        >>> half.item(), torch.autograd.grad(half, m)[0].item()  # the value of m^2, half of its gradient
        (9.0, 3.0)
    """
    return (cost + cost.detach()) / 2
