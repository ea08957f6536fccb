"""The network on a smaller copy of the image (SCWSSOD, saliency structure consistency)."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from salseg.errors import ConfigError
from salseg.models.passes.base import ExtraPass
from salseg.registry import PASSES
from salseg.structures import FrameInputs, FrameTargets

if TYPE_CHECKING:
    from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor


@PASSES.register_module()
class RescaledPass(ExtraPass):
    """Run the whole model on the rescaled batch, with gradient, in the same mode; gives ``logits_rescaled``.

    Args:
        scale: Factor on height and width; sizes are rounded down.
        align_corners: How the image is resized.
        learn_statistics: Whether batch normalisation counts the small images among what it will see when predicting. The
            released code of SCWSSOD does (thesis section 4.2.3); then half of the running statistics are those of small
            images, which hurts short trainings.

    Raises:
        ConfigError: The scale is not positive.
    """

    provides = ('logits_rescaled',)

    def __init__(self, scale: float = 0.3, align_corners: bool = True, learn_statistics: bool = True) -> None:
        super().__init__()
        if scale <= 0:
            raise ConfigError(f'RescaledPass: scale={scale}; it must be above 0.')
        self.scale = scale
        self.align_corners = align_corners
        self.learn_statistics = learn_statistics

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
        with contextlib.nullcontext() if self.learn_statistics else _kept_statistics(segmentor):
            small = segmentor.run(replace(inputs, frames=frames, images=None, padding=None))[1]
        return dict(logits_rescaled=small['logits'])


@contextlib.contextmanager
def _kept_statistics(module: nn.Module) -> Iterator[None]:
    """Normalise by the batch, but leave the running statistics as they are."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
