"""Mask-guided FCN."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from salseg.errors import DataError
from salseg.models.segmentors.base import Parts, build_part
from salseg.models.segmentors.group_segmentor import GroupSegmentor
from salseg.models.segmentors.saliency_segmentor import Part
from salseg.registry import SEGMENTORS
from salseg.structures import FrameInputs


@SEGMENTORS.register_module()
class MaskGuidedSegmentor(GroupSegmentor):
    """A fully convolutional network whose features are multiplied by masks learnt from the set beforehand.

    The masks are an input: ``guidance`` of the batch, as a transform loads it. Where the batch has none, the learner
    makes them from the set's own frames: from the whole group in prediction, from each image alone in training with T
    = 1.

    Args:
        learner: A :class:`MaskLearner` config; without it every batch must bring its guidance.
        backbone, head, frames_at_once, postprocess, data_preprocessor, losses, norm_eval: See :class:`GroupSegmentor`.
    """

    def __init__(
        self,
        backbone: Part,
        head: Part,
        learner: Mapping[str, Any] | nn.Module | None = None,
        frames_at_once: int | None = 1,
        postprocess: Mapping[str, Any] | None = None,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        norm_eval: bool | str = False,
    ) -> None:
        super().__init__(
            backbone, head, frames_at_once=frames_at_once, postprocess=postprocess,
            data_preprocessor=data_preprocessor, losses=losses, norm_eval=norm_eval,
        )  # fmt: skip
        self.learner = build_part(learner)

    def prepare(self, inputs: FrameInputs) -> FrameInputs:
        """The batch with guidance.

        Raises:
            DataError: There is none and nothing to make it.
            CheckpointError: The learner's network has no weights.
        """
        if inputs.guidance is not None or not self.needs_guidance:
            return inputs
        if self.learner is None:
            raise DataError(
                'this batch has no guidance and the model no learner: put LoadGuidance into the pipeline (`salseg '
                'precompute guidance` writes the masks), or give the model a learner.'
            )
        self.learner.check_weights(self.weights_source is not None)
        return replace(inputs, guidance=self.learner(inputs.frames))

    @property
    def needs_guidance(self) -> bool:
        """Whether any branch is masked."""
        return self.backbone.mask_early or self.backbone.mask_late

    def extract(self, inputs: FrameInputs) -> list[Tensor]:
        """The joined map of both branches, (B, T, C, h, w)."""
        inputs = self.prepare(inputs)
        guidance = None if inputs.guidance is None else inputs.guidance.flatten(0, 1)
        maps = self.backbone(self.compose(inputs), guidance)
        return [level.unflatten(0, inputs.frames.shape[:2]) for level in maps]
