"""Strengthen channels by those that look alike."""

import torch
from torch import Tensor

from salseg.ops.full_precision import full_precision
from salseg.ops.precision import at_least_float32


def channel_weights(features: Tensor) -> tuple[Tensor, Tensor]:
    """How much each channel takes from every other one (thesis of NPMCA-net, eq. 3.4 and 3.5).

    The plain softmax of the channels' inner products; the dual-attention network subtracts them from their maximum
    first.

    Args:
        features: (B, C, h, w).

    Returns:
        Inner products and weights, (B, C, C) float32; the weights of channel j, column j, sum to 1.
    """
    flat = at_least_float32(features).flatten(2)
    energy = flat @ flat.transpose(1, 2)
    return energy, torch.softmax(energy, 1)


def channel_matching(features: Tensor) -> Tensor:
    """Every channel replaced by the weighted sum of all channels (eq. 3.6).

    Sums of products over all positions reach hundreds: float32 whatever the autocast.

    Args:
        features: (B, C, h, w).

    Returns:
        (B, C, h, w).
    """
    with full_precision(features):
        _, weights = channel_weights(features)
        mixed = weights.transpose(1, 2) @ at_least_float32(features).flatten(2)
    return mixed.unflatten(2, features.shape[-2:]).to(features.dtype)
