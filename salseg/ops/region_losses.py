"""Distances of two maps as regions: Dice, IoU, summed squares, structure."""

import torch
import torch.nn.functional as F
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

    Examples:
        >>> masks = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
        >>> dice_distance(torch.full((2, 2), 0.5), masks)  # 1 - (2 * 1 + 1) / (2 + 2 + 1)
        tensor(0.4000)
    """
    p = at_least_float32(probability).flatten(-2)
    g = masks.to(p.dtype).flatten(-2)
    # Linear sums below, as XMem has them; V-Net squares them.
    return 1 - (2 * (p * g).sum(-1) + smooth) / (p.sum(-1) + g.sum(-1) + smooth)


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

    Examples:
        >>> truth = torch.tensor([[True, True], [False, False]])
        >>> iou_distance(torch.full((2, 2), 0.5), truth)  # 1 - 1 / 3
        tensor(0.6667)
    """
    if form not in FORMS:
        raise ValueError(f"form={form!r}; expected 'minmax' or 'product'.")
    p = at_least_float32(probability)
    y = truth.to(p.dtype)
    if form == 'minmax':
        # For soft truth only this form reaches 0, where p equals y.
        both, union = torch.minimum(p, y), torch.maximum(p, y)
    else:
        both = p * y
        union = p + y - both
    if known is not None:
        # After both maps were made, so that an unknown pixel is in neither sum whatever its label says.
        both, union = both * known, union * known
    return 1 - both.sum((-2, -1)) / (union.sum((-2, -1)) + epsilon)


def mask_iou(probability: Tensor, truth: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Intersection over union of each map with its mask, products and sums taking the place of sets (thesis eq. 5.22).

    Args:
        probability: (..., h, w) in [0, 1].
        truth: Same shape, in [0, 1].
        epsilon: Added to the union; where both are empty the result is 0.

    Returns:
        (...), in [0, 1).

    Examples:
        >>> truth = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
        >>> round(mask_iou(truth.flip(1), truth).item(), 3), round(mask_iou(1 - truth, truth).item(), 3)
        (1.0, 0.0)
    """
    probability, truth = at_least_float32(probability), at_least_float32(truth)
    both = (probability * truth).sum((-2, -1))
    # Epsilon enters the union only, as released: an empty frame has overlap 0 and adds 1 to the loss, without a
    # gradient.
    union = probability.sum((-2, -1)) + truth.sum((-2, -1)) - both
    return both / (union + epsilon)


def sum_squared_error(maps: Tensor, truth: Tensor) -> Tensor:
    """Sum over all pixels of the squared difference (mask-guided FCN, eq. 9), scalar.

    Args:
        maps: Any shape.
        truth: Same shape.

    Examples:
        >>> sum_squared_error(torch.tensor([0.5, 1.0]), torch.tensor([0.0, 0.0]))
        tensor(1.2500)
    """
    return (at_least_float32(maps) - at_least_float32(truth)).square().sum()


def structural_similarity(x: Tensor, y: Tensor, *, c1: float = 0.01**2, c2: float = 0.03**2) -> Tensor:
    """SSIM at every pixel, from means over 3x3 windows (thesis eq. 4.6).

    Windows are padded with zeros and divided by nine at the border too, as in the released code of SCWSSOD.

    Args:
        x: (..., h, w), in [0, 1].
        y: Same shape, in [0, 1].
        c1: Keeps the ratio of means finite.
        c2: Keeps the ratio of variances finite.

    Returns:
        (..., h, w), in [-1, 1] up to rounding.

    Examples:
        >>> x = torch.eye(5)
        >>> bool(structural_similarity(x, x).min() > 0.999), bool(structural_similarity(x, 1 - x)[2, 2] < 0)
        (True, True)
    """
    shape = x.shape
    x, y = (at_least_float32(t).reshape(-1, 1, *t.shape[-2:]) for t in (x, y))

    def mean(t: Tensor) -> Tensor:
        return F.avg_pool2d(t, kernel_size=3, stride=1, padding=1)

    mean_x, mean_y = mean(x), mean(y)
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    # E[xy] - E[x]E[y] cancels where maps are flat: float32 at least, and c2 keeps what is left harmless.
    covariance = mean(x * y) - product
    # Both variances in one pooling: only their sum is needed.
    variances = mean(x.square() + y.square()) - squares
    similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return similarity.reshape(shape)


def structure_consistency(x: Tensor, y: Tensor, alpha: float = 0.85) -> Tensor:
    """Disagreement of two maps of one image: alpha of it in structure, the rest in value (thesis eq. 4.6).

    Args:
        x: (..., h, w), in [0, 1]. Gradient flows into both maps.
        y: Same shape, in [0, 1].
        alpha: Fraction of the structural term; 0 leaves the plain mean absolute difference.

    Returns:
        (...), for every map the mean over its pixels; the published loss is the mean of these.

    Examples:
        >>> x = torch.eye(5).expand(2, 5, 5)
        >>> structure_consistency(x, x)
        tensor([0., 0.])
        >>> structure_consistency(x, torch.zeros(2, 5, 5), alpha=0)  # mean absolute difference
        tensor([0.2000, 0.2000])
    """
    x, y = at_least_float32(x), at_least_float32(y)
    difference = (x - y).abs().mean((-2, -1))
    if alpha == 0:
        return difference
    # Rounding may carry SSIM past 1; the cut keeps the loss from turning negative.
    dissimilarity = ((1 - structural_similarity(x, y)) / 2).clamp(0, 1).mean((-2, -1))
    return alpha * dissimilarity + (1 - alpha) * difference
