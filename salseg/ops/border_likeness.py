"""How much each place of an image looks like the image's border."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def border_likeness(features: Tensor, nearest: float = 0.1, margin: float = 1 / 14) -> Tensor:
    """Likeness of every position to those along the border, of one map of features per image.

    What touches the border is mostly background (boundary prior, Wei et al., ECCV 2012); here features of a network take the
    place of colours. Likeness is the cosine of the angle between deviations from the image's mean. It compares a
    image with itself only, so what is learned from it on drawings holds for photographs too.

    Args:
        features: (N, C, h, w).
        nearest: Fraction of the border's positions, the most like ones, for the second map.
        margin: Width of the border as a fraction of the smaller side; at least one position.

    Returns:
        (N, 2, h, w), float32 at least: the mean likeness to all of the border, and to its nearest positions; each with
        mean 0 and deviation 1 within its image, or 0 where all positions are equally like it.
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
    inside = torch.ones(height, width, dtype=torch.bool)
    inside[deep : height - deep, deep : width - deep] = False
    return inside.flatten().nonzero()[:, 0]
