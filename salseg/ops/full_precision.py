"""Leave autocast for computations that half precision cannot hold."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def full_precision(like: Tensor) -> AbstractContextManager:
    """Context without autocast on the tensor's device.

    Some devices ('meta', which counts operations) have no autocast to leave.
    """
    device = like.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()
