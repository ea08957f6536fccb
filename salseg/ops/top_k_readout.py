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
    top, index = similarity.topk(min(k, similarity.shape[1]), dim=1, sorted=False)
    return torch.softmax(top, 1), index


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
