"""Weighted sums over the most similar rows of a memory, without a dense affinity."""

import torch
import torch.nn.functional as F
from torch import Tensor


def top_k_weights(similarity: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Softmax over the k largest entries of each row; all other entries have weight 0.

    Args:
        similarity: (Q, M), a row per query.
        k: Entries kept; all of them where the memory has fewer.

    Returns:
        Weights (Q, min(k, M)), rows sum to 1, and the columns they belong to, int64.
    """
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
    if size < 3:
        return values.topk(k, 1, sorted=False).indices
    groups = columns // size
    whole = groups * size
    peaks = values[:, :whole].unflatten(1, (size, groups)).amax(1)
    chosen = peaks.topk(k, 1, sorted=False).indices
    members = torch.arange(size, device=values.device)[:, None] * groups
    candidates = (chosen.unsqueeze(1) + members).flatten(1)
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
    """
    return F.embedding_bag(index, values, mode='sum', per_sample_weights=weights)


def row_usage(weights: Tensor, index: Tensor, rows: int) -> Tensor:
    """(rows,) weight that each row of the memory received, summed over the queries."""
    return weights.new_zeros(rows).index_add_(0, index.flatten(), weights.flatten())
