"""Distance of soft masks by intersection over union."""

import torch
from torch import Tensor

from salseg.ops.precision import at_least_float32

FORMS = ('minmax', 'product')


def iou_distance(
    probability: Tensor, truth: Tensor, known: Tensor | None = None, form: str = 'minmax', epsilon: float = 1e-7
) -> Tensor:
    """1 - intersection / union of each map with its truth; both forms agree where the truth is binary (AGSS-VOS).

    Args:
        probability: (..., H, W) in [0, 1].
        truth: Same shape, bool or in [0, 1]. An empty one has distance 1.
        known: Same shape, bool; pixels without a label count on neither side.
        form: 'minmax': sums of the smaller and of the larger value; 'product': sums of p y and of p + y - p y.
        epsilon: Added to the union.

    Returns:
        (...), float32 in [0, 1].

    Raises:
        ValueError: Another form.
    """
    if form not in FORMS:
        raise ValueError(f"form={form!r}; expected 'minmax' or 'product'.")
    p = at_least_float32(probability)
    y = truth.to(p.dtype)
    if form == 'minmax':
        both, union = torch.minimum(p, y), torch.maximum(p, y)
    else:
        both = p * y
        union = p + y - both
    if known is not None:
        both, union = both * known, union * known
    return 1 - both.sum((-2, -1)) / (union.sum((-2, -1)) + epsilon)
