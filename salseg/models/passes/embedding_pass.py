"""Features for a loss, of a model whose parts name none."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from salseg.models.passes.base import ExtraPass
from salseg.registry import PASSES
from salseg.structures import FrameInputs, FrameTargets

if TYPE_CHECKING:
    from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor


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
        segmentor: 'SaliencySegmentor',
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """``embedding`` (B, T, C, h, w), with gradient."""
        return dict(embedding=segmentor.match(features)[0][self.level])
