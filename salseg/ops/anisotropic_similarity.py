"""Similarity of keys and queries whose channels count differently from query to query."""

import math

import torch
from torch import Tensor

from salseg.ops.full_precision import full_precision
from salseg.ops.precision import at_least_float32


def augment_keys(keys: Tensor, shrinkage: Tensor | None = None) -> Tensor:
    """What a memory keeps of its keys, so that a similarity is one matrix product.

    Args:
        keys: (..., M, C).
        shrinkage: (..., M), s >= 1; 1 by default.

    Returns:
        (..., M, 2C + 1), the rows [-s k^2, s k, -s] / sqrt(C).
    """
    keys = at_least_float32(keys)
    scale = keys.new_ones(keys.shape[:-1]) if shrinkage is None else at_least_float32(shrinkage)
    scale = scale.unsqueeze(-1) / math.sqrt(keys.shape[-1])
    return torch.cat([-scale * keys.square(), scale * keys, -scale], -1)


def augment_queries(queries: Tensor, selection: Tensor | None = None) -> Tensor:
    """The counterpart of :func:`augment_keys`.

    Args:
        queries: (..., Q, C).
        selection: (..., Q, C) weight of each channel, in (0, 1). Without it all weigh 1 and the query's own square is
            left out, which only adds a constant where no shrinkage is given.

    Returns:
        (..., Q, 2C + 1), the rows [e, 2 e q, sum(e q^2)].
    """
    queries = at_least_float32(queries)
    if selection is None:
        return torch.cat([torch.ones_like(queries), 2 * queries, torch.zeros_like(queries[..., :1])], -1)
    selection = at_least_float32(selection)
    square = (selection * queries.square()).sum(-1, keepdim=True)
    return torch.cat([selection, 2 * selection * queries, square], -1)


def anisotropic_similarity(
    keys: Tensor, queries: Tensor, shrinkage: Tensor | None = None, selection: Tensor | None = None
) -> Tensor:
    """-s / sqrt(C) * sum_c e_c (k_c - q_c)^2 for every query and key (XMem, eq. 9 and 10).

    Computed in float32 whatever the autocast: large terms cancel.

    Args:
        keys, shrinkage: As in :func:`augment_keys`.
        queries, selection: As in :func:`augment_queries`.

    Returns:
        (..., Q, M), a row per query.
    """
    with full_precision(keys):
        return augment_queries(queries, selection) @ augment_keys(keys, shrinkage).transpose(-1, -2)
