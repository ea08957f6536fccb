"""Depthwise convolution with filters of each image's own."""

import torch.nn.functional as F
from torch import Tensor


def dynamic_depthwise(x: Tensor, kernels: Tensor) -> Tensor:
    """Cross-correlate every channel of every image with its own filter, zeros outside.

    Args:
        x: (B, C, h, w).
        kernels: (B, C, k, k), k odd.

    Returns:
        (B, C, h, w).
    """
    batch, channels, size = *x.shape[:2], kernels.shape[-1]
    folded = x.reshape(1, batch * channels, *x.shape[-2:])
    filters = kernels.reshape(batch * channels, 1, size, size)
    return F.conv2d(folded, filters, padding=size // 2, groups=batch * channels).reshape(x.shape)
