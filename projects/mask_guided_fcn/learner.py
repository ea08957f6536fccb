"""The mask learner over any backbone."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from salseg.errors import CheckpointError, DataError
from salseg.models.segmentors.base import build_part
from salseg.ops.mask_learner import learn_masks
from salseg.registry import MODELS


@MODELS.register_module()
class MaskLearner(nn.Module):
    """Masks of what a set of images shares, from the features of a frozen network (mask-guided FCN, section 3.1).

    Args:
        backbone: (N, 3, H, W), normalised, to maps; the last one is used. It must tell kinds of things apart: with
            random weights the masks are noise.
        mode: See :func:`salseg.ops.mask_learner.learn_masks`.
        iterations: Rounds.
        response_std: Spread of the responses that the features are scaled to.
        renormalise: Keep that spread in every round.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any] | nn.Module,
        mode: Literal['robust', 'literal'] = 'robust',
        iterations: int = 3,
        response_std: float = 25.0,
        renormalise: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = build_part(backbone)
        self.backbone.requires_grad_(False).eval()
        self.settings = dict(mode=mode, iterations=iterations, response_std=response_std, renormalise=renormalise)

    def train(self, mode: bool = True) -> 'MaskLearner':
        """The backbone never trains."""
        super().train(mode)
        self.backbone.eval()
        return self

    def check_weights(self, filled: bool) -> None:
        """Refuse a backbone that was never given weights.

        Args:
            filled: Whether a checkpoint has been loaded since.

        Raises:
            CheckpointError: It was not.
        """
        if not (filled or getattr(self.backbone, 'weights_loaded', False)):
            raise CheckpointError(
                f'the mask learner looks at the features of a {type(self.backbone).__name__} without loaded weights, '
                'so its masks would be noise. Give it weights (model.learner.backbone.weights) or a checkpoint.'
            )

    @torch.no_grad()
    def features(self, frames: Tensor) -> Tensor:
        """(T, 3, H, W), normalised, to (T, C, h, w), frame by frame."""
        return torch.cat([self.backbone(frame.unsqueeze(0))[-1] for frame in frames])

    def learn(self, features: Tensor) -> Tensor:
        """Masks of one set: (T, C, h, w) to (T, 1, h, w) in [0, 1].

        Raises:
            DataError: All positions look alike.
        """
        grid = tuple(features.shape[-2:])
        try:
            masks = learn_masks(features.flatten(2).transpose(1, 2), grid, **self.settings)
        except ValueError as error:
            raise DataError(f'no mask can be learnt from {len(features)} images: {error}') from error
        return masks.unsqueeze(1).to(features.dtype)

    def forward(self, frames: Tensor) -> Tensor:
        """Masks of every set of a batch: (B, T, 3, H, W) to (B, T, 1, h, w)."""
        return torch.stack([self.learn(self.features(group)) for group in frames])
