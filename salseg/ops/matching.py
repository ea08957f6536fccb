"""Match the pixels of a frame with those of references: similarities and read-outs."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32, full_precision


def pixel_matching(reference: Tensor, target: Tensor, scale: float = 1.0, keys: Tensor | None = None) -> Tensor:
    """For every target position a mean of the reference, weighted by how well each of its positions matches.

    Weights are the softmax over the reference of the inner products, by default not scaled (thesis of NPMCA-net, eq. 3.1
    to 3.3). They are never stored: fused attention keeps a row of them at a time.

    Args:
        reference: (B, C, h, w), what is searched and read.
        target: (B, C', h', w').
        scale: Factor on the inner products.
        keys: (B, C', h, w), what is searched in the place of the reference; by default C' is C.

    Returns:
        (B, C, h', w') in the reference's type.

    Examples:
        >>> reference, target = torch.rand(1, 8, 4, 5), torch.zeros(1, 8, 2, 3)
        >>> matched = pixel_matching(reference, target)
        >>> tuple(matched.shape), torch.allclose(matched[0, :, 0, 0], reference[0].mean((1, 2)))
        ((1, 8, 2, 3), True)
    """
    with full_precision(reference):
        # Positions must lie in rows: the kernel falls back to the written-out form on other strides.
        values, queries = _rows(reference), _rows(target)
        searched = values if keys is None else _rows(keys)
        matched = F.scaled_dot_product_attention(queries, searched, values, scale=scale)
    return matched.squeeze(1).transpose(1, 2).unflatten(2, target.shape[-2:]).to(reference.dtype)


def _rows(maps: Tensor) -> Tensor:
    """(B, C, h, w) to (B, 1, h * w, C)."""
    return at_least_float32(maps).flatten(2).transpose(1, 2).contiguous().unsqueeze(1)


def matching_weights(reference: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of `pixel_matching` as a matrix, for inspection.

    Args:
        reference, target: As there.

    Returns:
        Inner products and weights, (B, h * w, h' * w') each; the weights of a target position, a column, sum to 1.

    Examples:
        >>> similarity, weights = matching_weights(torch.rand(1, 8, 4, 5), torch.rand(1, 8, 2, 3))
        >>> tuple(weights.shape), torch.allclose(weights.sum(1), torch.ones(6))
        ((1, 20, 6), True)
    """
    with full_precision(reference):
        similarity = at_least_float32(reference).flatten(2).transpose(1, 2) @ at_least_float32(target).flatten(2)
        return similarity, torch.softmax(similarity, 1)


def channel_weights(features: Tensor) -> tuple[Tensor, Tensor]:
    """Attention weights between channels (thesis of NPMCA-net, eq. 3.4 and 3.5).

    The plain softmax of the channels' inner products; the dual-attention network subtracts them from their maximum
    first.

    Args:
        features: (B, C, h, w).

    Returns:
        Inner products and weights, (B, C, C) float32; the weights of channel j, column j, sum to 1.

    Examples:
        >>> energy, weights = channel_weights(torch.eye(2).reshape(1, 2, 1, 2))
        >>> weights.round(decimals=4)
        tensor([[[0.7311, 0.2689],
                 [0.2689, 0.7311]]])
    """
    flat = at_least_float32(features).flatten(2)
    # Sums over all positions: entries reach hundreds, so half precision would round the softmax to one channel.
    energy = flat @ flat.transpose(1, 2)
    return energy, torch.softmax(energy, 1)


def channel_matching(features: Tensor) -> Tensor:
    """Every channel replaced by the weighted sum of all channels (eq. 3.6).

    Sums of products over all positions reach hundreds: float32 whatever the autocast.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, C, h, w).

    Examples:
        >>> features = torch.rand(1, 3, 4, 5)
        >>> tuple(channel_matching(features).shape)
        (1, 3, 4, 5)
    """
    with full_precision(features):
        _, weights = channel_weights(features)
        # Transposed: weights of a channel stand in a column (eq. 3.6), and taking rows instead is wrong without an
        # error.
        mixed = weights.transpose(1, 2) @ at_least_float32(features).flatten(2)
    return mixed.unflatten(2, features.shape[-2:]).to(features.dtype)


def augment_keys(keys: Tensor, shrinkage: Tensor | None = None) -> Tensor:
    """Keys as a memory stores them, so that a similarity is one matrix product.

    Args:
        keys: (..., M, C).
        shrinkage: (..., M), s >= 1; 1 by default.

    Returns:
        (..., M, 2C + 1), the rows [-s k^2, s k, -s] / sqrt(C).

    Examples:
        >>> augment_keys(torch.tensor([[3.0]]))  # one key of one channel: -k^2, k, -1
        tensor([[-9.,  3., -1.]])
    """
    keys = at_least_float32(keys)
    scale = keys.new_ones(keys.shape[:-1]) if shrinkage is None else at_least_float32(shrinkage)
    # Shrinkage and 1 / sqrt(C) belong to the row, so they are paid once per row and not once per query.
    scale = scale.unsqueeze(-1) / math.sqrt(keys.shape[-1])
    # -s e (k - q)^2 = (-s k^2) e + (s k) (2 e q) + (-s) (e q^2), summed over channels: three blocks, one product.
    return torch.cat([-scale * keys.square(), scale * keys, -scale], -1)


def augment_queries(queries: Tensor, selection: Tensor | None = None) -> Tensor:
    """The counterpart of `augment_keys`.

    Args:
        queries: (..., Q, C).
        selection: (..., Q, C) weight of each channel, in (0, 1). Without it all weigh 1 and the query's own square is
            left out, which only adds a constant where no shrinkage is given.

    Returns:
        (..., Q, 2C + 1), the rows [e, 2 e q, sum(e q^2)].

    Examples:
        >>> augment_queries(torch.tensor([[2.0]]), selection=torch.tensor([[0.5]]))
        tensor([[0.5000, 2.0000, 2.0000]])
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
        keys, shrinkage: As in `augment_keys`.
        queries, selection: As in `augment_queries`.

    Returns:
        (..., Q, M), a row per query.

    Examples:
        >>> keys, queries = torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0]])
        >>> anisotropic_similarity(keys, queries, selection=torch.ones(1, 1))  # -(0 - 1)^2, -(3 - 1)^2
        tensor([[-1., -4.]])
    """
    with full_precision(keys):
        return augment_queries(queries, selection) @ augment_keys(keys, shrinkage).transpose(-1, -2)


def top_k_weights(similarity: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Softmax over the k largest entries of each row; all other entries have weight 0.

    Args:
        similarity: (Q, M), a row per query.
        k: Entries kept; all of them where the memory has fewer.

    Returns:
        Weights (Q, min(k, M)), rows sum to 1, and the columns they belong to, int64.

    Examples:
        >>> weights, columns = top_k_weights(torch.tensor([[0.0, 5.0, 5.0, 1.0]]), k=2)
        >>> weights.tolist(), columns.sort().values.tolist()
        ([[0.5, 0.5]], [[1, 2]])
    """
    # The choice is a constant; gathered afterwards, the chosen entries have their gradient.
    index = largest_columns(similarity.detach(), min(k, similarity.shape[1]))
    return torch.softmax(similarity.gather(1, index), 1), index


def largest_columns(values: Tensor, k: int) -> Tensor:
    """Columns of the k largest entries of each row, in no order; of equal ones any.

    Long rows are searched in two steps. Columns are dealt to groups, and each group is represented by its largest entry.
    An entry among the k largest is in one of the k groups with the largest representatives: k entries outside its group
    would otherwise be larger. The second step looks at these groups only.

    Args:
        values: (Q, M).
        k: At most M.

    Returns:
        (Q, k) int64.
    """
    columns = values.shape[1]
    # The two steps look at columns / size and k * size entries of a row.
    size = int((columns / k) ** 0.5)
    # Short rows: a search in two steps would look at more than the row itself.
    if size < 3:
        return values.topk(k, 1, sorted=False).indices
    groups = columns // size
    whole = groups * size
    # Columns are dealt out and not cut into runs: the maximum then compares whole stretches, which is vectorised.
    peaks = values[:, :whole].unflatten(1, (size, groups)).amax(1)
    chosen = peaks.topk(k, 1, sorted=False).indices
    members = torch.arange(size, device=values.device)[:, None] * groups
    candidates = (chosen.unsqueeze(1) + members).flatten(1)
    # What did not fill a group is always looked at.
    rest = torch.arange(whole, columns, device=values.device).expand(len(values), -1)
    candidates = torch.cat([candidates, rest], 1)
    place = values.gather(1, candidates).topk(k, 1, sorted=False).indices
    return candidates.gather(1, place)


def read_rows(values: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """sum_k weights[q, k] * values[index[q, k]] for every query.

    Args:
        values: (M, D).
        weights: (Q, k), of the type of the values.
        index: (Q, k), int64.

    Returns:
        (Q, D).

    Examples:
        >>> values, index = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0, 2]])
        >>> read_rows(values, torch.tensor([[0.5, 0.5]]), index)
        tensor([[2.5000]])
    """
    # Gathers and sums in one kernel: written out, the chosen rows are (Q, k, D), gigabytes for 30 objects.
    return F.embedding_bag(index, values, mode='sum', per_sample_weights=weights)


def row_usage(weights: Tensor, index: Tensor, rows: int) -> Tensor:
    """(rows,) weight that each row of the memory received, summed over the queries.

    Examples:
        >>> row_usage(torch.tensor([[0.25, 0.75], [1.0, 0.0]]), torch.tensor([[0, 2], [2, 1]]), rows=4)
        tensor([0.2500, 0.0000, 1.7500, 0.0000])
    """
    # A row is chosen by many queries: plain indexed addition would count it once.
    return weights.new_zeros(rows).index_add_(0, index.flatten(), weights.flatten())
