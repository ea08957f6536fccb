"""Dice distance of soft masks."""

from torch import Tensor

from salseg.ops.precision import at_least_float32


def dice_distance(probability: Tensor, masks: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - (2 sum(p g) + s) / (sum p + sum g + s) over the last two axes (V-Net; s = 1 as in XMem).

    Args:
        probability: (..., H, W) in [0, 1].
        masks: Same shape, bool or in [0, 1].
        smooth: s; keeps the distance of two empty masks at 0.

    Returns:
        (...), float32 in [0, 1].
    """
    p = at_least_float32(probability).flatten(-2)
    g = masks.to(p.dtype).flatten(-2)
    return 1 - (2 * (p * g).sum(-1) + smooth) / (p.sum(-1) + g.sum(-1) + smooth)
