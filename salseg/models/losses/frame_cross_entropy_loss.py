"""Cross-entropy of every frame of a clip."""

from typing import Literal

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss
from salseg.ops import frame_cross_entropy, resize
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class FrameCrossEntropyLoss(SalLoss):
    """Binary cross-entropy, mean over the pixels of a frame, then over or summed along a clip (RCRNet, as released).

    Truth may be soft (8-bit pseudo-labels) or hard; of hard labels unknown pixels do not count, and a frame without any
    label adds 0.

    Args:
        frames: 'sum' over the frames of a clip as RCRNet does, so that longer clips weigh more, or 'mean'. Clips of a
            batch are averaged.
        weight, on, ramp_iterations: See :class:`SalLoss`.

    Raises:
        ConfigError: The reduction is unknown.
    """

    def __init__(
        self,
        frames: Literal['sum', 'mean'] = 'sum',
        weight: float = 1.0,
        on: str | dict[str, float] = 'logits',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if frames not in ('sum', 'mean'):
            raise ConfigError(f"FrameCrossEntropyLoss: frames={frames!r}; expected 'sum' or 'mean'.")
        self.frames = frames

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Logits (B, T, 1, h, w) to a scalar in nats; smaller outputs are resized to the labels first."""
        truth = targets.soft_mask()
        known = targets.valid_mask() if targets.saliency is None else None
        logits = resize(output, tuple(truth.shape[-2:]))
        per_frame = frame_cross_entropy(logits, truth.to(logits.dtype), known)
        return (per_frame.sum(1) if self.frames == 'sum' else per_frame.mean(1)).mean()
