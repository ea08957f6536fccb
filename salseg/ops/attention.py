"""Attention over positions: between two frames, inside one, and the votes of a group of images."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32, full_precision


def co_attention(query: Tensor, source: Tensor, bilinear: Tensor) -> Tensor:
    """For every query position a mean of the source, weighted by softmax(query W source^T) over source positions.

    Logits are not scaled by the root of the channels and are computed in float32: unscaled products of hundreds of
    channels do not fit half precision (contrastive VSOD, WACV 2022, eq. 6).

    Args:
        query: (B, M, C), e.g. low-level positions.
        source: (B, N, C), e.g. high-level positions; keys and values alike.
        bilinear: (C, C), W.

    Returns:
        (B, M, C), in the source's type.

    Examples:
        >>> query, source = torch.zeros(1, 3, 4), torch.rand(1, 5, 4)
        >>> result = co_attention(query, source, torch.eye(4))
        >>> tuple(result.shape), torch.allclose(result[0, 0], source[0].mean(0))  # equal logits: the plain mean
        ((1, 3, 4), True)
    """
    with full_precision(query):
        # float64 stays: parity is measured in it.
        wide = torch.promote_types(source.dtype, torch.float32)
        projected = (query.to(wide) @ bilinear.to(wide)).unsqueeze(1)
        keys = source.to(wide).unsqueeze(1)
        # The fused kernel keeps a row of the affinity at a time; its default scale is 1 / sqrt(C).
        result = F.scaled_dot_product_attention(projected, keys, keys, scale=1.0)
    return result.squeeze(1).to(source.dtype)


def linear_non_local(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """``query (key^T value) / N``: the dot-product form of non-local networks (CVPR 2018), reassociated.

    Without a softmax the product is associative, so the N x N affinity of ``(query key^T / N) value`` is never made:
    N C C' multiply-adds instead of N^2 (C + C'), and memory linear in N.

    Args:
        query: (..., M, C), any number of rows.
        key: (..., N, C).
        value: (..., N, C').

    Returns:
        (..., M, C').

    Examples:
        >>> query, key, value = torch.rand(2, 6, 4), torch.rand(2, 5, 4), torch.rand(2, 5, 3)
        >>> written_out = (query @ key.transpose(1, 2) / 5) @ value
        >>> tuple(written_out.shape), torch.allclose(linear_non_local(query, key, value), written_out)
        ((2, 6, 3), True)
    """
    # Divided first, while numbers are small: a sum over all positions of a clip may leave the range of half precision.
    return query @ (key.transpose(-2, -1) @ (value / key.shape[-2]))


DEFAULT_BYTES = 128 * 2**20
# Attention, softmax, order (two words), rank and weight of every entry exist at once.
_BUFFERS = 6


def descending_ranks(values: Tensor) -> Tensor:
    """Place of every entry in its row sorted in descending order, from 0, (..., n) int64; equal values in any order.

    Args:
        values: (..., n).

    Examples:
        >>> descending_ranks(torch.tensor([0.3, 0.9, 0.1]))
        tensor([1, 0, 2])
    """
    order = values.argsort(-1, descending=True)
    places = torch.arange(values.shape[-1], device=values.device).expand_as(order)
    # One sort and a scatter instead of sorting the order again.
    return torch.empty_like(order).scatter_(-1, order, places)


@torch.no_grad()
def readjustment(attention: Tensor, alpha: float, zero_counts: bool = True) -> Tensor:
    """Weight of every entry: (rank + 1)^alpha where the attention is positive, else 1 (thesis eq. 5.19).

    The weights are constants for the gradient, and nothing normalises the rows afterwards.

    Args:
        attention: (..., queries, keys), float32 or more: the weight jumps where a value crosses zero or two swap
            places.
        alpha: Exponent.
        zero_counts: Whether exactly 0 counts as positive, as in the released code; the thesis says > 0.

    Returns:
        Same shape; up to keys^alpha.

    Examples:
        >>> readjustment(torch.tensor([[0.3, 0.9, -0.1]]), alpha=3)
        tensor([[8., 1., 1.]])
    """
    # The rank grows as attention falls: positions that are hardly noticed get the largest factor, which is the
    # democracy of eq. 5.19. Ranks of all entries are those of the positive ones, which stand first.
    weights = (descending_ranks(attention) + 1).to(attention.dtype).pow_(alpha)
    return weights.masked_fill_(attention < 0 if zero_counts else attention <= 0, 1)


def democratic_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    alpha: float | None = 3,
    max_bytes: int = DEFAULT_BYTES,
    zero_counts: bool = True,
) -> Tensor:
    """Softmax attention inside each image, times its readjustment (thesis eq. 5.18 to 5.21).

    Rows are independent of each other, so they are worked in blocks: memory is linear in the number of images, and a
    block is never larger than the budget.

    Args:
        queries: (N, P, C).
        keys: (N, P, C).
        values: (N, P, C').
        alpha: Exponent of the readjustment; None for plain attention.
        max_bytes: Of the entries of a block and their ranks and weights.
        zero_counts: See `readjustment`.

    Returns:
        (N, P, C'), at least float32.

    Examples:
        >>> values = torch.rand(2, 6, 4)
        >>> plain = democratic_attention(torch.zeros(2, 6, 8), torch.zeros(2, 6, 8), values, alpha=None)
        >>> tuple(plain.shape), torch.allclose(plain[0, 0], values[0].mean(0))
        ((2, 6, 4), True)
    """
    queries, keys, values = (at_least_float32(x) for x in (queries, keys, values))
    positions = keys.shape[1]
    # At least one row, however small the budget: slower, but never an error.
    rows = max(1, max_bytes // (_BUFFERS * positions * queries.element_size()))
    results = []
    for image in range(len(queries)):
        parts = []
        for block in queries[image].split(rows):
            attention = block @ keys[image].t() * (1 / math.sqrt(keys.shape[2]))
            # Not normalised again after the factor (eq. 5.20), in the released code either.
            share = attention.softmax(-1)
            parts.append(
                (share if alpha is None else share * readjustment(attention, alpha, zero_counts)) @ values[image]
            )
        results.append(torch.cat(parts))
    return torch.stack(results)
