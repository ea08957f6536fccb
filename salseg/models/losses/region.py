"""Losses on regions: Dice, IoU, squared error."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, Terms, with_full_truth
from salseg.ops import mask_iou
from salseg.ops.geometry import map_size
from salseg.ops.region_losses import FORMS, dice_distance, iou_distance, sum_squared_error
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class DiceLoss(SalLoss):
    """Dice distance of probabilities, summed over frames, mean over samples and slots, empty slots included (XMem).

    Args:
        smooth: See `salseg.ops.dice_distance`.
        weight, on, ramp_iterations: See `SalLoss`; reads ``probability`` (B, T, K, H, W).
    """

    def __init__(
        self, smooth: float = 1.0, weight: float = 1.0, on: str = 'probability', ramp_iterations: int = 0
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.smooth = smooth

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar."""
        distance = dice_distance(output, targets.masks(map_size(output)), self.smooth)
        # Empty slots count, as released: a smoothed dice of two empty masks is 0, so they only make the mean smaller.
        return distance.mean((0, 2)).sum()


@LOSSES.register_module()
class SoftIoULoss(SalLoss):
    """1 - IoU of probabilities on labelled pixels, mean over samples, frames and objects (NPMCA-net; AGSS-VOS).

    Args:
        form: 'minmax' or 'product'; the same for binary truth.
        weight, on, ramp_iterations: See `SalLoss`; reads ``probability`` (B, T, K, H, W).

    Raises:
        ConfigError: Another form.
    """

    def __init__(
        self, form: str = 'minmax', weight: float = 1.0, on: str = 'probability', ramp_iterations: int = 0
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if form not in FORMS:
            raise ConfigError(f"SoftIoULoss: form={form!r}; expected 'minmax' or 'product'.")
        self.form = form

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar in [0, 1]."""
        size = map_size(output)
        # Unknown pixels leave both sums; as background they would punish a right answer.
        return iou_distance(output, targets.masks(size), targets.valid_mask(size), self.form).mean()


@LOSSES.register_module()
class MaskIoULoss(SalLoss):
    """One minus the soft overlap of each map with its mask, mean over all frames (DCFM, thesis eq. 5.22).

    A frame without object adds 1 to the foreground term and no gradient. Terms: ``foreground``, ``background``.

    Args:
        background: Also ask it of the inverted map and mask, as the released code of DCFM does.
        epsilon: Added to the union.
        weight, on, ramp_iterations: See `SalLoss`.
    """

    def __init__(
        self,
        background: bool = False,
        epsilon: float = 1e-5,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        self.background = background
        self.epsilon = epsilon

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Terms:
        """Terms of logits (B, T, K, h, w); smaller outputs are resized to the labels first."""
        logits, truth = with_full_truth(output, targets)
        # An overlap weighs a frame's object by its own size, so small objects are not lost among background pixels.
        terms = dict(foreground=1 - mask_iou(torch.sigmoid(logits), truth, self.epsilon).mean())
        if self.background:
            # sigmoid(-x) is 1 - sigmoid(x) without the cancellation.
            terms['background'] = 1 - mask_iou(torch.sigmoid(-logits), 1 - truth, self.epsilon).mean()
        return terms


@LOSSES.register_module()
class SquaredErrorLoss(SalLoss):
    """Squared difference of probabilities and truth (mask-guided FCN, eq. 9).

    Args:
        reduction: 'mean' over pixels and frames; 'sum', as the paper prints it, which belongs to a learning rate
            smaller by the number of frames and pixels of a batch.
        weight, on, ramp_iterations: See `SalLoss`.

    Raises:
        ConfigError: Unknown reduction.
    """

    def __init__(
        self,
        reduction: Literal['mean', 'sum'] = 'mean',
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if reduction not in ('mean', 'sum'):
            raise ConfigError(f"SquaredErrorLoss: reduction={reduction!r}; expected 'mean' or 'sum'.")
        self.reduction = reduction

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Of logits (B, T, K, h, w); smaller outputs are resized to the labels first."""
        logits, truth = with_full_truth(output, targets)
        maps = torch.sigmoid(logits)
        total = sum_squared_error(maps, truth)
        # The sum goes with the paper's rate of 1e-10 for 64 images of 500 x 500; the mean with a rate that survives
        # another batch or size.
        return total if self.reduction == 'sum' else total / maps.numel()
