"""Non-local means without softmax: linear in the number of positions."""

from torch import Tensor


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
    """
    return query @ (key.transpose(-2, -1) @ (value / key.shape[-2]))
