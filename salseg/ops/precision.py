"""The precision in which losses are computed."""

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """float64 stays float64; every other type becomes float32.

    Losses sum over 1e5 and more terms, which half precision cannot hold, so they leave autocast by this one rule.
    """
    return tensor if tensor.dtype == torch.float64 else tensor.float()
