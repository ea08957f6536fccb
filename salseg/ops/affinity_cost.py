"""How unlikely it is that two pixels belong to the same side of a mask."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Smaller probabilities of agreement count as this one: the logarithm stays finite.
EPSILON = 1e-12


def affinity_cost(first: Tensor, second: Tensor, logits: bool) -> Tensor:
    """-log(m m' + (1 - m)(1 - m')) (BoxInst, eq. 6).

    Args:
        first, second: Same shape; logits, or probabilities m and m' in [0, 1].
        logits: Which of the two they are. With logits x and y it is softplus(x) + softplus(y) - softplus(x + y), stable
            for all values.

    Returns:
        Same shape, in nats, >= 0.
    """
    if logits:
        return F.softplus(first) + F.softplus(second) - F.softplus(first + second)
    return -torch.log((first * second + (1 - first) * (1 - second)).clamp(min=EPSILON))
