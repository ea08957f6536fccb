"""Colours: CIE Lab, and how much a pixel looks like the border of its image."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32

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

    Examples:
        >>> white = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
        >>> rgb_to_lab(white).flatten().round().abs()
        tensor([100.,   0.,   0.])
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


def border_likeness(features: Tensor, nearest: float = 0.1, margin: float = 1 / 14) -> Tensor:
    """Similarity of every position to those along the border, for one feature map per image.

    What touches the border is mostly background (boundary prior, Wei et al., ECCV 2012); here features of a network take the
    place of colours. Likeness is the cosine of the angle between deviations from the image's mean. It compares an
    image with itself only, so what is learned from it on drawings holds for photographs too.

    Args:
        features: (N, C, h, w).
        nearest: Fraction of the border's positions, the most like ones, for the second map.
        margin: Width of the border as a fraction of the smaller side; at least one position.

    Returns:
        (N, 2, h, w), float32 at least: the mean likeness to all of the border, and to its nearest positions; each with
        mean 0 and deviation 1 within its image, or 0 where all positions are equally like it.

    Examples:
        >>> features = torch.zeros(1, 2, 6, 6)
        >>> features[:, 0], features[:, 0, 2:4, 2:4], features[:, 1, 2:4, 2:4] = 1.0, 0.0, 1.0
        >>> maps = border_likeness(features)
        >>> tuple(maps.shape), bool(maps[0, 0, 0, 0] > maps[0, 0, 2, 2])
        ((1, 2, 6, 6), True)
    """
    features = at_least_float32(features)
    height, width = features.shape[-2:]
    centred = features - features.mean((2, 3), keepdim=True)
    directions = F.normalize(centred, dim=1).flatten(2)
    border = directions[..., _border(height, width, margin).to(features.device)]
    likeness = directions.transpose(1, 2) @ border
    count = max(1, int(nearest * border.shape[2]))
    maps = torch.stack([likeness.mean(2), likeness.topk(count, 2).values.mean(2)], 1)
    maps = maps - maps.mean(2, keepdim=True)
    return (maps / (maps.square().mean(2, keepdim=True) + 1e-12).sqrt()).unflatten(2, (height, width))


def _border(height: int, width: int, margin: float) -> Tensor:
    """Places (count,) int64 of the border in a flattened map."""
    deep = max(1, int(margin * min(height, width)))
    rows, columns = range(deep, height - deep), range(deep, width - deep)
    # Counted in Python: their number is a shape, which exporters and compilers must know.
    return torch.tensor(
        [y * width + x for y in range(height) for x in range(width) if y not in rows or x not in columns]
    )
