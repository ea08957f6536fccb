"""The network on a smaller copy of the picture (SCWSSOD, saliency structure consistency)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.passes.base import ExtraPass
from salseg.registry import PASSES
from salseg.structures import FrameInputs, FrameTargets

if TYPE_CHECKING:
    from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor


@PASSES.register_module()
class RescaledPass(ExtraPass):
    """Run the whole model on the rescaled batch, with gradient, in the same mode; gives ``logits_rescaled``.

    Batch statistics are therefore updated twice per step, as in the released code of SCWSSOD (thesis section 4.2.3).

    Args:
        scale: Factor on height and width; sizes are rounded down.
        align_corners: How the picture is resized.

    Raises:
        ConfigError: The scale is not positive.
    """

    provides = ('logits_rescaled',)

    def __init__(self, scale: float = 0.3, align_corners: bool = True) -> None:
        super().__init__()
        if scale <= 0:
            raise ConfigError(f'RescaledPass: scale={scale}; it must be above 0.')
        self.scale = scale
        self.align_corners = align_corners

    def forward(
        self,
        segmentor: 'SaliencySegmentor',
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """``logits_rescaled`` (B, T, K, h', w') with h' = floor(scale * H)."""
        height, width = inputs.size
        size = (int(self.scale * height), int(self.scale * width))
        frames = F.interpolate(inputs.fold(), size=size, mode='bilinear', align_corners=self.align_corners)
        frames = frames.unflatten(0, inputs.frames.shape[:2])
        small = segmentor.run(replace(inputs, frames=frames, images=None, padding=None))[1]
        return dict(logits_rescaled=small['logits'])
