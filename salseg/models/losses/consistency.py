"""Scribbles spread to whole objects: local saliency coherence and structure consistency (SCWSSOD)."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, Terms, term_name
from salseg.ops import CoherenceKernel, local_saliency_coherence, resize, scaled_size, structure_consistency
from salseg.ops.geometry import map_size
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class LocalSaliencyCoherenceLoss(SalLoss):
    """Local saliency coherence of each output (SCWSSOD, thesis section 4.2.2).

    Probabilities and the normalised image are resized with corners aligned; pairs of pixels in a window are compared.
    All outputs share the pair weights where their bandwidth is the same.

    Args:
        scale: Size of the grid as a fraction of the output's, rounded down.
        radius: Half the side of the window, in grid pixels.
        sigma_position: Bandwidth of the distance, in grid pixels.
        sigma_image: Bandwidth of the colour difference in units of the *normalised* image, so 0.1 is about 5.7 grey levels.
            By output name where outputs differ: the released code shrinks it tenfold from output to output.
        border: Neighbours outside the image: 'zeros', black, unsalient and at position (0, 0) as the released code's
            padding makes them, or 'ignore', none (the thesis' windows know no others than pixels).
        reduction: 'mean' over the pixels i, as released, or their 'sum', as eq. 4.3 prints it: 6,400 times as much for
            80 x 80.
        weight, on, ramp_iterations: See `SalLoss`.

    Raises:
        ConfigError: Another border or reduction.
    """

    def __init__(
        self,
        scale: float = 0.25,
        radius: int = 5,
        sigma_position: float = 6.0,
        sigma_image: float | Mapping[str, float] = 0.1,
        border: Literal['zeros', 'ignore'] = 'zeros',
        reduction: Literal['mean', 'sum'] = 'mean',
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if border not in ('zeros', 'ignore') or reduction not in ('mean', 'sum'):
            raise ConfigError(
                f"LocalSaliencyCoherenceLoss: border={border!r}, reduction={reduction!r}; expected 'zeros' or 'ignore', "
                "'mean' or 'sum'."
            )
        self.border: Literal['zeros', 'ignore'] = border
        self.pixels = reduction == 'sum'
        self.scale = scale
        self.radius = radius
        self.sigma_position = sigma_position
        self.sigma_image = dict(sigma_image) if isinstance(sigma_image, Mapping) else sigma_image

    def compute_all(self, outputs: dict[str, Tensor], targets: FrameTargets) -> Terms:
        """A term per output of ``on``; outputs of several sizes meet on the grid of the first."""
        names = list(self.on)
        size = scaled_size(map_size(outputs[names[0]]), self.scale)
        # On a quarter of the size the same window spans four times as far. Corners aligned, as released: a half-pixel
        # shift against the image would pair saliency with its neighbour's colour.
        maps = [resize(torch.sigmoid(outputs[name]), size, align_corners=True) for name in names]
        kernel = CoherenceKernel(1.0, self.sigma_position, self._bandwidths(names, [m.shape[-3] for m in maps]))
        # Normalised, since the bandwidth of 0.1 is in units of one standard deviation.
        image = targets.image(size, align_corners=True)
        # All outputs as channels of one call: pair weights depend on the image alone and are most of the work.
        values = local_saliency_coherence(torch.cat(maps, dim=-3), image, (kernel,), self.radius, border=self.border)
        values = values * (size[0] * size[1]) if self.pixels else values
        parts = values.split([m.shape[-3] for m in maps], dim=-1)
        terms = {name: self.on[name] * part.mean() for name, part in zip(names, parts)}
        return terms[names[0]] if len(names) == 1 else {term_name(name): term for name, term in terms.items()}

    def _bandwidths(self, names: list[str], channels: list[int]) -> float | list[float]:
        if not isinstance(self.sigma_image, dict):
            return self.sigma_image
        return [self.sigma_image[name] for name, count in zip(names, channels) for _ in range(count)]


@LOSSES.register_module()
class StructureConsistencyLoss(SalLoss):
    """SSIM and absolute difference between a map, made smaller, and the map of the smaller image (thesis eq. 4.5, 4.6).

    Gradients flow into both. Needs ``logits_rescaled``, which `RescaledPass` provides.

    Args:
        alpha: Fraction of the structural term; 0 leaves the plain mean absolute difference.
        weight, on, ramp_iterations: See `SalLoss`.
    """

    requires = ('logits_rescaled',)

    def __init__(
        self,
        alpha: float = 0.85,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.alpha = alpha

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor]) -> Tensor:
        """Mean over all maps of the batch; both sides are probabilities."""
        small = torch.sigmoid(others['logits_rescaled'])
        # The large map comes down, as released. Neither side is detached: each pass is held to the other.
        large = resize(torch.sigmoid(output), map_size(small), align_corners=True)
        return structure_consistency(small, large, self.alpha).mean()
