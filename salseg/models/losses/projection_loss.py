"""Masks fill their boxes from side to side."""

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, reduce_maps
from salseg.ops.projection_distance import READINGS, projection_distance
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class ProjectionLoss(SalLoss):
    """Projections of masks and boxes on both axes agree (BoxInst; box-trained XMem, thesis eq. 3.8 to 3.12).

    Args:
        form: 'thesis', squares in both parts of the dice, or 'released', BoxInst's dice.
        reading: How the frames and objects of a batch are put together, see :func:`salseg.ops.projection_distance`.
        stride: The output is averaged over stride x stride pixels first.
        logits: Whether the output named by ``on`` is logits; the sigmoid is then taken here.
        weight, on, ramp_iterations: See :class:`SalLoss`; reads (B, T, K, H, W).

    Raises:
        ConfigError: The form or the reading is unknown.
    """

    def __init__(
        self,
        form: str = 'thesis',
        reading: str = 'joint',
        stride: int = 4,
        logits: bool = False,
        weight: float = 1.0,
        on: str = 'probability',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if form not in ('thesis', 'released') or reading not in READINGS:
            raise ConfigError(
                f"ProjectionLoss: form={form!r}, reading={reading!r}; expected 'thesis' or 'released', and one of "
                f'{", ".join(READINGS)}.'
            )
        self.form, self.reading, self.stride, self.logits = form, reading, stride, logits

    def compute(self, output: Tensor, targets: FrameTargets) -> Tensor:
        """Scalar in [0, 2]; slots without object and frames without box take no part."""
        output = reduce_maps(output, self.stride)
        boxes = targets.box_masks(tuple(output.shape[-2:]))
        probability = output.sigmoid() if self.logits else output
        given = targets.require('box_valid').flatten()
        maps = probability.flatten(0, 2), boxes.flatten(0, 2)
        return projection_distance(*maps, self.form == 'thesis', self.reading, given)
