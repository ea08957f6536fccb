"""Cross-entropy where a label was given."""

from collections.abc import Mapping

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, mean_over_processes
from salseg.ops import partial_cross_entropy_sums
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class PartialCrossEntropyLoss(SalLoss):
    """Mean over labelled object pixels plus mean over labelled background pixels: scribbles, boxes, sparse or full masks.

    SCWSSOD, thesis eq. 4.7. Counts are those of the whole batch over all processes. Terms: ``foreground``, ``background``.

    Args:
        form: 'paper' is binary cross-entropy on the logits; 'released' the published code's softmax over the two
            probabilities, which never reaches 0.
        weight, on, ramp_iterations: See :class:`SalLoss`.

    Raises:
        ConfigError: Unknown form.
    """

    def __init__(
        self,
        form: str = 'paper',
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if form not in ('paper', 'released'):
            raise ConfigError(f"PartialCrossEntropyLoss: form={form!r}; expected 'paper' or 'released'.")
        self.form = form

    def compute(
        self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Terms of logits (B, T, K, h, w), in nats."""
        size = tuple(output.shape[-2:])
        sums = partial_cross_entropy_sums(output, targets.masks(size), targets.valid_mask(size), self.form)
        foreground, on, background, off = sums
        return dict(foreground=mean_over_processes(foreground, on), background=mean_over_processes(background, off))
