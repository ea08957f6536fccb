"""Contrast over a video, and self-contrast of a group."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, Terms
from salseg.ops import (
    at_least_float32,
    choose_candidates,
    info_nce,
    region_errors,
    region_vectors,
    resize,
    self_contrastive,
)
from salseg.ops.geometry import map_size
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class ContrastiveLoss(SalLoss):
    """Foregrounds of the frames of a video attract each other, backgrounds repel them (WACV 2022, eq. 9).

    A region is the whole foreground or background of a frame; its vector the mean of the ``embedding`` over the cells
    that lie in it at least by half. Anchors are foregrounds, positives foregrounds of *other* frames of the same set,
    negatives backgrounds of any of its frames. Mining takes the regions that the prediction is most wrong about. Sets
    are not mixed, and under distributed training every process contrasts its own; a set of one frame, or a frame
    without foreground, contributes nothing. Any model with an ``embedding`` and ``logits`` can be trained with it.

    Args:
        positives, negatives: For each anchor; fewer where there are fewer, None takes all.
        mining: 'hard', or 'random' (the ablation).
        temperature: Divides the similarities.
        normalize: Compare directions. The paper writes a plain product, which overflows and saturates.
        weight, on, ramp_iterations: See `SalLoss`; ``on`` names the features.

    Raises:
        ConfigError: An option is out of range.
    """

    requires = ('logits',)

    def __init__(
        self,
        positives: int | None = 4,
        negatives: int | None = 4,
        mining: Literal['hard', 'random'] = 'hard',
        temperature: float = 0.1,
        normalize: bool = True,
        weight: float = 1.0,
        on: str | dict[str, float] = 'embedding',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        counts = [count for count in (positives, negatives) if count is not None]
        if mining not in ('hard', 'random') or temperature <= 0 or min(counts, default=1) < 1:
            raise ConfigError(
                f'ContrastiveLoss(positives={positives}, negatives={negatives}, mining={mining!r}, '
                f"temperature={temperature}): counts are at least 1 or None, mining is 'hard' or 'random', the "
                'temperature above 0.'
            )
        self.positives, self.negatives = positives, negatives
        self.mining, self.temperature, self.normalize = mining, temperature, normalize

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor]) -> Tensor:
        """Mean over all complete anchors of the batch, in nats; 0 without one.

        Args:
            output: (B, T, C, h, w).
            targets: Full masks, hard or soft.
            others: ``logits`` (B, T, 1, H, W).
        """
        # Ranked at the labels' size, where small mistakes still are; detached, since a ranking learns nothing.
        truth = targets.soft_mask().squeeze(2)
        prediction = torch.sigmoid(resize(others['logits'].detach(), map_size(truth))).squeeze(2)
        # Areas and not nearest labels: a cell counts as foreground if most of its pixels are.
        regions = targets.soft_mask(map_size(output)).squeeze(2) >= 0.5
        loss, complete = self.anchor_losses(output, regions, prediction, truth >= 0.5)
        return loss.sum() / complete.sum().clamp(min=1)

    def anchor_losses(
        self, features: Tensor, regions: Tensor, prediction: Tensor, truth: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss of every anchor (B, T) and whether it has candidates of both kinds.

        Args:
            features: (B, T, C, h, w); regions (B, T, h, w) bool.
            prediction: (B, T, H, W) in [0, 1]; truth (B, T, H, W) bool.
        """
        features = at_least_float32(features)
        foreground, has_foreground = region_vectors(features, regions)
        background, has_background = region_vectors(features, ~regions)
        near, far = self.candidates(prediction, truth, has_foreground, has_background)
        return info_nce(
            foreground,
            _take(foreground, near[0]),
            _take(background, far[0]),
            near[1] & has_foreground.unsqueeze(-1),
            far[1] & has_foreground.unsqueeze(-1),
            self.temperature,
            self.normalize,
        )

    def candidates(
        self, prediction: Tensor, truth: Tensor, has_foreground: Tensor, has_background: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Frame indices (B, T, k) of positives and of negatives of every anchor, each with its validity."""
        frames = truth.shape[1]
        with torch.no_grad():
            # Mining ranks, it does not learn: no gradient flows into which frames are chosen.
            wrong_inside, wrong_outside = region_errors(prediction, truth)
            if self.mining == 'random':
                # From torch's generator, which is seeded by position before every training step.
                wrong_inside, wrong_outside = torch.rand_like(wrong_inside), torch.rand_like(wrong_outside)
            # Not itself: a vector is its own perfect positive, and the loss would learn from nothing else.
            other = ~torch.eye(frames, dtype=torch.bool, device=truth.device)
            near = choose_candidates(wrong_inside, other & has_foreground.unsqueeze(1), self.positives)
            # A frame's own background too: it is what the object must be told from first of all.
            any_frame = has_background.unsqueeze(1).expand(-1, frames, -1)
            far = choose_candidates(wrong_outside, any_frame, self.negatives)
        return near, far


def _take(vectors: Tensor, index: Tensor) -> Tensor:
    """Vectors (B, T, C) at frame indices (B, A, k), (B, A, k, C)."""
    batch = torch.arange(vectors.shape[0], device=vectors.device)[:, None, None]
    return vectors[batch, index]


@LOSSES.register_module()
class SelfContrastiveLoss(SalLoss):
    """Self-contrastive learning of DCFM (thesis section 5.2.3): a group's prototype against those of its masked
    features.

    Needs ``prototype_foreground`` and ``prototype_background``, which `MaskedMatcherPass` provides. Terms:
    ``positive``, ``negative``, each the mean over the groups of the batch.

    Args:
        positive: Pull the prototype to that of the objects.
        negative: Push it away from that of the background.
        epsilon: Keeps logarithm and cosine finite.
        weight, on, ramp_iterations: See `SalLoss`.

    Raises:
        ConfigError: Both terms are switched off.
    """

    requires = ('prototype_foreground', 'prototype_background')

    def __init__(
        self,
        positive: bool = True,
        negative: bool = True,
        epsilon: float = 1e-5,
        weight: float = 1.0,
        on: str | Mapping[str, float] = 'prototype',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if not (positive or negative):
            raise ConfigError('SelfContrastiveLoss: both terms are off; use losses=dict(name=None) for that.')
        self.positive = positive
        self.negative = negative
        self.epsilon = epsilon

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor]) -> Terms:
        """Terms of prototypes (B, C)."""
        masked = others['prototype_foreground'], others['prototype_background']
        # Two terms and no sum, so that a log tells them apart: early prototypes are nearly parallel, and the negative
        # term is then many times the positive one.
        positive, negative = self_contrastive(output, *masked, epsilon=self.epsilon)
        terms = dict(positive=positive.mean()) if self.positive else {}
        return {**terms, **(dict(negative=negative.mean()) if self.negative else {})}
