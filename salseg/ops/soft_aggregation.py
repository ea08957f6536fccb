"""Masks that several objects claim for themselves, made one distribution over background and objects."""

import torch
from torch import Tensor

EPSILON = 1e-7


def aggregate_log_odds(objects: Tensor, background: Tensor | None = None) -> Tensor:
    """Log odds of the background and of each object; their softmax is `aggregate`.

    Each object was segmented as if it were alone. With odds o = p / (1 - p) an object's share is o / sum(o), the
    background among the sum (RGMP and STM; XMem, thesis of NPMCA-net eq. 3.8).

    Args:
        objects: (..., K, H, W) probabilities in [0, 1]; clipped to [1e-7, 1 - 1e-7].
        background: (..., 1, H, W) probability of the background; by default that no object is there, prod(1 - p).

    Returns:
        (..., K + 1, H, W) real, background first.

    Examples:
        >>> objects = torch.tensor([0.9]).reshape(1, 1, 1)
        >>> aggregate_log_odds(objects).flatten().round(decimals=3)  # of background and object
        tensor([-2.1970,  2.1970])
    """
    # Logarithms of odds, so that a softmax over them, and a cross entropy, are the shares.
    every = _with_background(objects, background)
    return torch.log(every / (1 - every))


def aggregate(objects: Tensor, background: Tensor | None = None) -> Tensor:
    """Probabilities of background and objects that sum to 1 at each pixel.

    The same as the softmax of `aggregate_log_odds`, without logarithm and exponential.

    Args:
        objects: (..., K, H, W) probabilities in [0, 1].
        background: As there.

    Returns:
        (..., K + 1, H, W), background first.

    Examples:
        >>> objects = torch.tensor([0.5, 0.5]).reshape(2, 1, 1)  # two objects claim one pixel alike
        >>> aggregate(objects).flatten().round(decimals=3)
        tensor([0.1430, 0.4290, 0.4290])
    """
    every = _with_background(objects, background)
    odds = every / (1 - every)
    return odds / odds.sum(-3, keepdim=True)


def _with_background(objects: Tensor, background: Tensor | None) -> Tensor:
    if background is None:
        # Objects were segmented on their own, so their absences are taken as independent.
        background = (1 - objects).prod(-3, keepdim=True)
    return torch.cat([background, objects], -3).clamp(EPSILON, 1 - EPSILON)
