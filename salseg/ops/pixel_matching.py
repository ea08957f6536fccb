"""Match every position of one map with all positions of another."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.full_precision import full_precision
from salseg.ops.precision import at_least_float32


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
    """The weights that :func:`pixel_matching` uses, written out: to look at them, not to compute with.

    Args:
        reference, target: As there.

    Returns:
        Inner products and weights, (B, h * w, h' * w') each; the weights of a target position, a column, sum to 1.
    """
    with full_precision(reference):
        similarity = at_least_float32(reference).flatten(2).transpose(1, 2) @ at_least_float32(target).flatten(2)
        return similarity, torch.softmax(similarity, 1)
