"""The precision in which losses, attention and whole predictions are computed."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """float64 stays float64; every other type becomes float32.

    Losses sum over 1e5 and more terms, which half precision cannot hold, so they leave autocast by this one rule.

    Examples:
        >>> at_least_float32(torch.zeros(1, dtype=torch.float16)).dtype, at_least_float32(torch.zeros(1).double()).dtype
        (torch.float32, torch.float64)
    """
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def full_precision(like: Tensor) -> AbstractContextManager:
    """Context without autocast on the tensor's device.

    Some devices ('meta', which counts operations) have no autocast to leave.

    Examples:
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast('cpu', torch.bfloat16), full_precision(x):
        ...     print((x @ x).dtype)
        torch.float32
    """
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


def mixed_precision(dtype: torch.dtype | None, like: Tensor) -> AbstractContextManager:
    """Context of autocast to a type on the tensor's device; None changes nothing.

    Examples:
        >>> x = torch.ones(2, 2)
        >>> with mixed_precision(torch.bfloat16, x):
        ...     print((x @ x).dtype)
        torch.bfloat16
    """
    return nullcontext() if dtype is None else torch.autocast(like.device.type, dtype)
