"""Distance by intersection over union to full masks."""

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss
from salseg.ops.iou_distance import FORMS, iou_distance
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class SoftIoULoss(SalLoss):
    """1 - IoU of probabilities on labelled pixels, mean over samples, frames and objects (NPMCA-net; AGSS-VOS).

    Args:
        form: 'minmax' or 'product'; the same for binary truth.
        weight, on, ramp_iterations: See :class:`SalLoss`; reads ``probability`` (B, T, K, H, W).

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

    def compute(self, probability: Tensor, targets: FrameTargets) -> Tensor:
        """Scalar in [0, 1]."""
        size = tuple(probability.shape[-2:])
        return iou_distance(probability, targets.masks(size), targets.valid_mask(size), self.form).mean()
