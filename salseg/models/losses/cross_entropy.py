"""Cross-entropies of all pixels, of the labelled ones, of the hardest ones, and of object masks."""

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, mean_over_processes, with_full_truth
from salseg.ops import frame_cross_entropy, partial_cross_entropy_sums, resize
from salseg.ops.cross_entropy import bootstrap_fraction, bootstrapped_cross_entropy
from salseg.ops.geometry import map_size
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class BootstrappedCrossEntropyLoss(SalLoss):
    """Cross-entropy of log odds against the objects' labels, averaged over ever fewer, harder pixels (XMem).

    Summed over the frames, mean over the samples. A sample's empty slots are left out of its softmax; unknown pixels
    count as background, as the released data has none.

    Args:
        start: Training step until which all pixels count.
        end: Step from which only the fraction does.
        fraction: Of the pixels that count in the end.
        weight, on, ramp_iterations: See `SalLoss`; reads ``log_odds`` (B, T, K + 1, H, W).

    Raises:
        ConfigError: The steps or the fraction make no sense.
    """

    def __init__(
        self,
        start: int = 20000,
        end: int = 70000,
        fraction: float = 0.15,
        weight: float = 1.0,
        on: str = 'log_odds',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if not 0 <= start < end or not 0 < fraction <= 1:
            raise ConfigError(
                f'BootstrappedCrossEntropyLoss(start={start}, end={end}, fraction={fraction}): expected start < end and a '
                'fraction in (0, 1].'
            )
        self.start, self.end, self.fraction = start, end, fraction

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar in nats."""
        log_odds = output
        size, objects = map_size(log_odds), log_odds.shape[2] - 1
        masks = targets.masks(size)
        # Where masks overlap the later slot wins: classes need one answer per pixel.
        number = torch.arange(1, objects + 1, device=log_odds.device)[:, None, None]
        classes = (masks * number).amax(2)
        if targets.object_valid is not None:
            valid = torch.cat([targets.object_valid.new_ones(len(log_odds), 1), targets.object_valid], 1)
            # An unused slot takes no part in the softmax.
            log_odds = log_odds.masked_fill(~valid[:, None, :, None, None], float('-inf'))
        fraction = bootstrap_fraction(targets.iteration, self.start, self.end, self.fraction)
        # The hardest pixels of each frame, not of the clip: one bad frame would take them all.
        pixels = bootstrapped_cross_entropy(log_odds.flatten(0, 1), classes.flatten(0, 1), fraction)
        # Summed over the frames as in the released code, where the thesis has a mean: the learning rate belongs to the
        # sum.
        return pixels.unflatten(0, log_odds.shape[:2]).mean(0).sum()


@LOSSES.register_module()
class FrameCrossEntropyLoss(SalLoss):
    """Binary cross-entropy, mean over the pixels of a frame, then over or summed along a clip (RCRNet, as released).

    Truth may be soft (8-bit pseudo-labels) or hard; of hard labels unknown pixels do not count, and a frame without any
    label adds 0.

    Args:
        frames: 'sum' over the frames of a clip as RCRNet does, so that longer clips weigh more, or 'mean'. Clips of a
            batch are averaged.
        weight, on, ramp_iterations: See `SalLoss`.

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
        # Soft truth is known everywhere; only hard labels have a value for unknown.
        known = targets.valid_mask() if targets.saliency is None else None
        logits = resize(output, map_size(truth))
        # Mean over the pixels first, so that frames weigh alike whatever is known in them; how frames are joined
        # matters to gradient clipping and SGD, hardly to Adam.
        per_frame = frame_cross_entropy(logits, truth.to(logits.dtype), known)
        return (per_frame.sum(1) if self.frames == 'sum' else per_frame.mean(1)).mean()


@LOSSES.register_module()
class MaskCrossEntropyLoss(SalLoss):
    """Binary cross-entropy averaged over all pixels, against soft truth or, without it, against masks.

    Unknown pixels of hard labels count as background: for those use `PartialCrossEntropyLoss`.
    """

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Mean over (B, T, K, H, W), in nats; smaller outputs are resized to the labels first."""
        # From logits: the logarithm of a probability that has rounded to 0 is infinite.
        return F.binary_cross_entropy_with_logits(*with_full_truth(output, targets))


@LOSSES.register_module()
class PartialCrossEntropyLoss(SalLoss):
    """Mean over labelled object pixels plus mean over labelled background pixels: scribbles, boxes, sparse or full masks.

    SCWSSOD, thesis eq. 4.7. Counts are those of the whole batch over all processes. Terms: ``foreground``, ``background``.

    Args:
        form: 'paper' is binary cross-entropy on the logits; 'released' the published code's softmax over the two
            probabilities, which never reaches 0.
        weight, on, ramp_iterations: See `SalLoss`.

    Raises:
        ConfigError: Unknown form.
    """

    def __init__(
        self,
        form: Literal['paper', 'released'] = 'paper',
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
        # Labels come to the output here: scribbles have no value between labelled and unknown, so they are taken as
        # they are at the nearest pixel.
        size = map_size(output)
        sums = partial_cross_entropy_sums(output, targets.masks(size), targets.valid_mask(size), self.form)
        foreground, on, background, off = sums
        # Each class over its own pixels: background scribbles are several times longer, and one mean would be all
        # theirs.
        return dict(foreground=mean_over_processes(foreground, on), background=mean_over_processes(background, off))
