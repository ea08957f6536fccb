"""The matcher on features of which a part is erased (DCFM, self-contrastive learning)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.passes.base import ExtraPass
from salseg.ops import resize
from salseg.registry import PASSES
from salseg.structures import FrameInputs, FrameTargets

if TYPE_CHECKING:
    from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor


@PASSES.register_module()
class MaskedMatcherPass(ExtraPass):
    """Run the matcher twice more on the coarsest map: with the background erased and with the objects erased.

    Gives ``prototype_foreground`` and ``prototype_background`` (thesis eq. 5.11, 5.12). Features are erased, not
    pixels, by the mask resized bilinearly without antialiasing, so it is soft along the edges.

    Args:
        empty: What happens to a frame of which nothing is left. 'keep', as the released code: its positions are all
            alike, which gives a seed of no meaning and, where the response is stretched, gradients a million times too
            large. 'drop' leaves the frame out of that pass; a group of which none is left has the prototype 0.

    Raises:
        ConfigError: The option is unknown.
    """

    provides = ('prototype_foreground', 'prototype_background')

    def __init__(self, empty: Literal['keep', 'drop'] = 'keep') -> None:
        super().__init__()
        if empty not in ('keep', 'drop'):
            raise ConfigError(f"MaskedMatcherPass: empty={empty!r}; expected 'keep' or 'drop'.")
        self.empty = empty

    def forward(
        self,
        segmentor: 'SaliencySegmentor',
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """Both prototypes, (B, C), with gradient."""
        coarsest = features[-1]
        objects = resize(targets.soft_mask(), tuple(coarsest.shape[-2:])).to(coarsest.dtype)
        return {
            'prototype_foreground': self.prototype(segmentor, coarsest, objects),
            'prototype_background': self.prototype(segmentor, coarsest, 1 - objects),
        }

    def prototype(self, segmentor: 'SaliencySegmentor', coarsest: Tensor, share: Tensor) -> Tensor:
        """(B, C) of a map (B, T, C, h, w) times a share (B, T, 1, h, w) in [0, 1]."""
        masked = coarsest * share
        if self.empty == 'keep':
            return segmentor.match([masked])[1]['prototype']
        left = share.flatten(2).amax(2) > 0
        return torch.stack([self._of_left(segmentor, *group) for group in zip(masked, left)])

    def _of_left(self, segmentor: 'SaliencySegmentor', frames: Tensor, left: Tensor) -> Tensor:
        if not left.any():
            return frames.new_zeros(frames.shape[1])
        return segmentor.match([frames[left].unsqueeze(0)])[1]['prototype'][0]
