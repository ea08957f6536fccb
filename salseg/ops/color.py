"""Colour spaces on tensors."""

import torch
from torch import Tensor

# sRGB primaries to CIE XYZ, and the D65 white of the 2 degree observer.
_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)


def rgb_to_lab(images: Tensor) -> Tensor:
    """CIE Lab of sRGB images.

    Args:
        images: (N, 3, H, W) on the 0-255 scale, uint8 or float.

    Returns:
        (N, 3, H, W) float: L in [0, 100], a and b about [-128, 127]; float64 stays float64.
    """
    rgb = (images if images.is_floating_point() else images.float()) / 255
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=0) ** 2.4, rgb / 12.92)
    matrix = torch.tensor(_RGB_TO_XYZ, dtype=linear.dtype, device=linear.device)
    white = torch.tensor(_WHITE, dtype=linear.dtype, device=linear.device)
    xyz = torch.einsum('kc,nchw->nkhw', matrix / white[:, None], linear)
    # The cube root's slope is infinite at 0, where the linear branch is taken: keep it finite for the gradient.
    f = torch.where(xyz > 0.008856, xyz.clamp(min=0.008856) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)
