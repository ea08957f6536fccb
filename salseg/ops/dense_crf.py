"""Fully connected conditional random field of two labels: mean field, exact or through a bilateral grid."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.bilateral_grid import BilateralGrid
from salseg.ops.precision import at_least_float32, full_precision


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


class MeanField:
    """Mean field of one image with Potts compatibility; its kernels are made once and serve any number of maps.

    Each kernel is normalised symmetrically, K_ij / sqrt(sum_k K_ik sum_k K_jk), the pixel itself included. The
    smoothness kernel is a product of two one-dimensional ones. The appearance kernel compares all pairs of pixels:

    * 'exact' does so, in time quadratic in the pixels. It is kept if it fits the budget, and computed again block by
      block, in every step, where it does not.
    * 'bilateral' does it through a :class:`BilateralGrid`, in time and memory linear in the pixels.

    Args:
        image: (H, W, 3), RGB on the 0-255 scale.
        settings: Weights and widths; widths in pixels count at full size.
        method: 'exact' or 'bilateral'.
        reduce: Sides of the grid of pixels are divided by this, rounded up.
        dtype: Of the computation, float32 or float64.
        device: Where to compute; by default where the image is.
        max_bytes: Of the part of the exact appearance kernel that exists at once.

    Raises:
        ValueError: The shape does not fit; an unknown method; 'bilateral' with an image that asks for its gradient, or
            with widths for which its grid would be far larger than the image.
    """

    def __init__(
        self,
        image: Tensor,
        settings: CRFSettings | None = None,
        method: Literal['exact', 'bilateral'] = 'exact',
        reduce: int = 1,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str | None = None,
        max_bytes: int = 256 * 2**20,
    ) -> None:
        if image.dim() != 3 or image.shape[2] != 3 or method not in ('exact', 'bilateral'):
            raise ValueError(
                f"image {tuple(image.shape)}, method {method!r}: expected (H, W, 3) and 'exact' or 'bilateral'."
            )
        if method == 'bilateral' and image.requires_grad:
            raise ValueError("method 'bilateral' has no gradient for the image: detach it, or choose 'exact'.")
        self.settings = settings = settings or CRFSettings()
        self.size = (image.shape[0], image.shape[1])
        self.small = (-(-self.size[0] // reduce), -(-self.size[1] // reduce))
        colours = image.permute(2, 0, 1).to(device=device, dtype=dtype)
        with full_precision(colours):
            colours = _shrink(colours, self.small)
            # Widths in pixels shrink with the grid, the width in colours does not.
            self._near = _Separable(self.small, settings.theta_gamma / reduce, colours)
            widths = settings.theta_alpha / reduce, settings.theta_beta
            self._alike: _Bilateral | _GridKernel
            if method == 'exact':
                self._alike = _Bilateral(colours, *widths, max_bytes)
            else:
                self._alike = _GridKernel(colours, *widths)

    def __call__(self, logits: Tensor, iterations: int = 5) -> Tensor:
        """Foreground marginal after some steps.

        Args:
            logits: (H, W), U(background) - U(foreground); of a probability p with U = -log, its log-odds.
            iterations: Mean-field steps.

        Returns:
            (H, W) in (0, 1), in the type of the computation.

        Raises:
            ValueError: The map does not have the image's size.
        """
        if tuple(logits.shape) != self.size:
            raise ValueError(f'logits {tuple(logits.shape)}: expected the size of the image, {self.size}.')
        with full_precision(logits):
            unary = _shrink(logits.to(self._alike.scale)[None], self.small)[0]
            # Mean field starts from the unary alone.
            probability = torch.sigmoid(unary)
            for _ in range(iterations):
                # With two labels the message for foreground minus that for background is the kernel applied to 2 q - 1.
                sign = 2 * probability - 1
                message = self.settings.appearance * self._alike.apply(sign)
                message = message + self.settings.smoothness * self._near.apply(sign)
                probability = torch.sigmoid(unary + message)
            if self.small == self.size:
                return probability
            return F.interpolate(probability[None, None], size=self.size, mode='bilinear', align_corners=False)[0, 0]


def dense_crf(
    image: Tensor, logits: Tensor, settings: CRFSettings | None = None, iterations: int = 5, reduce: int = 1,
    max_bytes: int = 256 * 2**20, method: Literal['exact', 'bilateral'] = 'exact',
) -> Tensor:  # fmt: skip
    """Foreground marginal of one map after some mean-field steps; see :class:`MeanField`.

    Args:
        image: (H, W, 3), RGB on the 0-255 scale.
        logits: (H, W), U(background) - U(foreground); of a probability p with U = -log, its log-odds.
        settings, reduce, max_bytes, method: See :class:`MeanField`.
        iterations: Mean-field steps.

    Returns:
        (H, W) in (0, 1), float64 for float64 logits, else float32.

    Raises:
        ValueError: Shapes do not fit; further as :class:`MeanField`.

    Examples:
        >>> image, logits = torch.zeros(8, 8, 3), torch.full((8, 8), -1.0)
        >>> image[:, 4:], logits[:, 4:] = 255.0, 1.0
        >>> logits[2, 6] = -1.0  # one wrong pixel in the bright half
        >>> bool((dense_crf(image, logits)[:, 4:] > 0.5).all())
        True
    """
    if image.shape != (*logits.shape, 3):
        raise ValueError(f'image {tuple(image.shape)} and logits {tuple(logits.shape)}: expected (H, W, 3) and (H, W).')
    logits = at_least_float32(logits)
    field = MeanField(image, settings, method, reduce, logits.dtype, logits.device, max_bytes)
    return field(logits, iterations)


def _shrink(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) to a smaller grid by the mean of the area."""
    return maps if tuple(maps.shape[1:]) == size else F.adaptive_avg_pool2d(maps[None], size)[0]


class _Separable:
    """Normalised Gaussian of the distance on a grid: rows times columns."""

    def __init__(self, size: tuple[int, int], width: float, like: Tensor) -> None:
        # Rows are worked on as the columns of the transposed map.
        self.sides = [_Band(length, width, like) for length in size]

    def apply(self, values: Tensor) -> Tensor:
        """(h, w) to (h, w)."""
        rows, columns = self.sides
        return columns.apply(rows.apply(values.t()).t())


class _Band:
    """Normalised Gaussian of the distance along one side, applied to the last axis of a map.

    Weights below the precision of the type are left out. A long side is cut into blocks that see their surroundings:
    the time grows with its length, not with the square.
    """

    BLOCK = 64

    def __init__(self, length: int, width: float, like: Tensor) -> None:
        self.length = length
        # exp(-r^2 / 2) is the rounding error of 1 there.
        self.reach = math.ceil(width * math.sqrt(-2 * math.log(torch.finfo(like.dtype).eps)))
        # Where a block with its surroundings is as long as the side, it is the side.
        self.block = self.BLOCK if 2 * (self.BLOCK + 2 * self.reach) < length else None
        wide, narrow = (length, length) if self.block is None else (self.block + 2 * self.reach, self.block)
        offset = 0 if self.block is None else self.reach
        place = torch.arange(wide, dtype=like.dtype, device=like.device)
        self.kernel = torch.exp(-0.5 * ((place[:, None] - place[:narrow] - offset) / width).square())
        # Normalised by the roots of both sums: pixels at the border have fewer neighbours, and get no less for it.
        self.scale = self._sums(like.new_ones(1, length))[0].rsqrt()

    def _sums(self, values: Tensor) -> Tensor:
        if self.block is None:
            return values @ self.kernel
        beyond = -self.length % self.block
        blocks = F.pad(values, (self.reach, self.reach + beyond)).unfold(1, self.block + 2 * self.reach, self.block)
        return (blocks @ self.kernel).flatten(1)[:, : self.length]

    def apply(self, values: Tensor) -> Tensor:
        """(n, length) to (n, length)."""
        return self.scale * self._sums(self.scale * values)


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


class _GridKernel:
    """Normalised Gaussian of distance and colour through a bilateral grid."""

    def __init__(self, colours: Tensor, near: float, alike: float) -> None:
        self.grid = BilateralGrid(colours, near, alike)
        # A pixel reads its own nodes, so that no sum is 0.
        self.scale = self.grid.filter(torch.ones_like(colours[0])).rsqrt()

    def apply(self, values: Tensor) -> Tensor:
        """(h, w) to (h, w)."""
        return self.scale * self.grid.filter(self.scale * values)
