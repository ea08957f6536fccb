"""Softmax attention between two maps, without storing their affinity."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.full_precision import full_precision


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
    """
    with full_precision(query):
        wide = torch.promote_types(source.dtype, torch.float32)
        projected = (query.to(wide) @ bilinear.to(wide)).unsqueeze(1)
        keys = source.to(wide).unsqueeze(1)
        # The fused kernel keeps a row of the affinity at a time; its default scale is 1 / sqrt(C).
        result = F.scaled_dot_product_attention(projected, keys, keys, scale=1.0)
    return result.squeeze(1).to(source.dtype)
