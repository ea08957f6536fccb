"""Fully connected conditional random field of two labels, exact mean field on the pixels of a (reduced) grid."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.geometry import map_size


@dataclass(frozen=True)
class CRFSettings:
    """Weights and widths of the two kernels (mask-guided FCN, eq. 14); defaults are the common ones of the dense CRF.

    Attributes:
        appearance: Weight of pairs that are near and alike.
        theta_alpha: Width in pixels of "near" for them.
        theta_beta: Width of "alike", in grey levels.
        smoothness: Weight of pairs that are near.
        theta_gamma: Width in pixels of "near" for those.
    """

    appearance: float = 10.0
    theta_alpha: float = 80.0
    theta_beta: float = 13.0
    smoothness: float = 3.0
    theta_gamma: float = 3.0


def dense_crf(
    image: Tensor, logits: Tensor, settings: CRFSettings | None = None, iterations: int = 5, reduce: int = 1,
    max_bytes: int = 256 * 2**20,
) -> Tensor:  # fmt: skip
    """Foreground marginal after some mean-field steps with Potts compatibility.

    Each kernel is normalised symmetrically, K_ij / sqrt(sum_k K_ik sum_k K_jk), the pixel itself included. The
    smoothness kernel is a product of two one-dimensional ones and costs next to nothing; the appearance kernel compares
    all pairs of pixels of the reduced grid, kept if it fits the budget and computed again block by block where it does
    not.

    Args:
        image: (H, W, 3), RGB on the 0-255 scale.
        logits: (H, W), U(background) - U(foreground); of a probability p with U = -log, its log-odds.
        settings: Weights and widths; widths in pixels count at full size.
        iterations: Mean-field steps.
        reduce: Sides of the grid are divided by this, rounded up; 4 agrees in 99.5 % of the labels with full size.
        max_bytes: Of the part of the appearance kernel that exists at once.

    Returns:
        (H, W) in (0, 1), float64 for float64 logits, else float32.

    Raises:
        ValueError: Shapes do not fit.

    Examples:
        >>> image, logits = torch.zeros(8, 8, 3), torch.full((8, 8), -1.0)
        >>> image[:, 4:], logits[:, 4:] = 255.0, 1.0
        >>> logits[2, 6] = -1.0  # one wrong pixel in the bright half
        >>> bool((dense_crf(image, logits)[:, 4:] > 0.5).all())
        True
    """
    if image.shape != (*logits.shape, 3):
        raise ValueError(f'image {tuple(image.shape)} and logits {tuple(logits.shape)}: expected (H, W, 3) and (H, W).')
    settings = settings or CRFSettings()
    size = map_size(logits)
    small = (-(-size[0] // reduce), -(-size[1] // reduce))
    logits = logits if logits.dtype == torch.float64 else logits.float()
    colours = _shrink(image.permute(2, 0, 1).to(logits.dtype), small)
    unary = _shrink(logits[None], small)[0]
    # Widths in pixels shrink with the grid, the width in colours does not.
    near = _Separable(small, settings.theta_gamma / reduce, logits)
    alike = _Bilateral(colours, settings.theta_alpha / reduce, settings.theta_beta, max_bytes)
    # Mean field starts from the unary alone.
    probability = torch.sigmoid(unary)
    for _ in range(iterations):
        # With two labels the message for foreground minus that for background is the kernel applied to 2 q - 1.
        sign = 2 * probability - 1
        message = settings.appearance * alike.apply(sign) + settings.smoothness * near.apply(sign)
        probability = torch.sigmoid(unary + message)
    if small == size:
        return probability
    return F.interpolate(probability[None, None], size=size, mode='bilinear', align_corners=False)[0, 0]


def _shrink(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) to a smaller grid by the mean of the area."""
    return maps if tuple(maps.shape[1:]) == size else F.adaptive_avg_pool2d(maps[None], size)[0]


class _Separable:
    """Normalised Gaussian of the distance on a grid: rows times columns, exactly."""

    def __init__(self, size: tuple[int, int], width: float, like: Tensor) -> None:
        self.sides = []
        for length in size:
            place = torch.arange(length, dtype=like.dtype, device=like.device) / width
            kernel = torch.exp(-0.5 * (place[:, None] - place).square())
            scale = kernel.sum(1).rsqrt()
            # Normalised by the roots of both sums: pixels at the border have fewer neighbours, and get no less for it.
            self.sides.append(scale[:, None] * kernel * scale)

    def apply(self, values: Tensor) -> Tensor:
        """(h, w) to (h, w)."""
        return self.sides[0] @ values @ self.sides[1]


class _Bilateral:
    """Normalised Gaussian of distance and colour over all pairs of pixels."""

    def __init__(self, colours: Tensor, near: float, alike: float, max_bytes: int) -> None:
        self.size = tuple(colours.shape[1:])
        rows, columns = torch.meshgrid(*(torch.arange(n, dtype=colours.dtype) for n in self.size), indexing='ij')
        places = torch.stack([rows, columns]).to(colours.device)
        # One Euclidean distance of places and colours, each in its own width.
        self.points = torch.cat([places / near, colours / alike]).flatten(1).t().contiguous()
        count = len(self.points)
        self.rows = max(1, max_bytes // (count * colours.element_size()))
        # The matrix serves all steps if it fits; else time is paid for memory.
        self._kept = self._kernel(self.points) if self.rows >= count else None
        self.scale = self._product(colours.new_ones(count)).rsqrt()

    def _kernel(self, points: Tensor) -> Tensor:
        # The fast form by products cancels digits where points are near, which is where the kernel is large.
        distance = torch.cdist(points, self.points, compute_mode='donot_use_mm_for_euclid_dist')
        return distance.square_().mul_(-0.5).exp_()

    def _blocks(self) -> Iterator[Tensor]:
        if self._kept is not None:
            yield self._kept
            return
        for points in self.points.split(self.rows):
            yield self._kernel(points)

    def _product(self, values: Tensor) -> Tensor:
        return torch.cat([block @ values for block in self._blocks()])

    def apply(self, values: Tensor) -> Tensor:
        """(h, w) to (h, w)."""
        return (self.scale * self._product(self.scale * values.flatten())).view(self.size)
