"""Extra passes: further outputs that a model gives in training only."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, Protocol

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from salseg.errors import ConfigError
from salseg.ops import resize
from salseg.ops.geometry import map_size
from salseg.registry import PASSES
from salseg.structures import FrameInputs, FrameTargets


class Runnable(Protocol):
    """What a pass uses of a segmentor. The segmentors import this module, so it cannot import them."""

    def match(self, features: list[Tensor], voters: Tensor | None = None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Features after the matcher, and its outputs; only frames of which ``voters`` is true have a vote."""

    def run(self, inputs: FrameInputs) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Features before the matcher, and all outputs."""

    def modules(self) -> Iterator[nn.Module]:
        """All layers."""


class ExtraPass(nn.Module):
    """Adds outputs to those of the ordinary forward pass, in training only.

    ``provides`` names what `forward` returns; losses may then read it.
    """

    provides: tuple[str, ...] = ()

    def forward(
        self,
        segmentor: Runnable,
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """Further outputs by name.

        Args:
            segmentor: The model; call its methods again.
            inputs: The batch.
            features: What ``extract`` gave, before ``match``.
            outputs: What the ordinary pass gave.
            targets: The labels of the batch.
        """
        raise TypeError(f'{type(self).__name__} must define forward')


@PASSES.register_module()
class EmbeddingPass(ExtraPass):
    """Run the matcher again and give one of its levels as ``embedding``, so that a contrastive loss suits any model.

    Without a matcher it is the backbone's level, and nothing is run twice.

    Args:
        level: Which, counted from the finest; -1 is the coarsest.
    """

    provides = ('embedding',)

    def __init__(self, level: int = -1) -> None:
        super().__init__()
        self.level = level

    def forward(
        self,
        segmentor: Runnable,
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """``embedding`` (B, T, C, h, w), with gradient."""
        return dict(embedding=segmentor.match(features)[0][self.level])


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
        segmentor: Runnable,
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """Both prototypes, (B, C), with gradient."""
        coarsest = features[-1]
        objects = resize(targets.soft_mask(), map_size(coarsest)).to(coarsest.dtype)
        return {
            'prototype_foreground': self.prototype(segmentor, coarsest, objects),
            'prototype_background': self.prototype(segmentor, coarsest, 1 - objects),
        }

    def prototype(self, segmentor: Runnable, coarsest: Tensor, share: Tensor) -> Tensor:
        """(B, C) of a map (B, T, C, h, w) times a share (B, T, 1, h, w) in [0, 1]."""
        masked = coarsest * share
        if self.empty == 'keep':
            return segmentor.match([masked])[1]['prototype']
        # Without a vote instead of cut out: how many frames are left is known on the device only, and a batch whose
        # shape depended on it would make the host wait in every step.
        return segmentor.match([masked], share.flatten(2).amax(2) > 0)[1]['prototype']


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
        segmentor: Runnable,
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
def _kept_statistics(module: Runnable) -> Iterator[None]:
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
