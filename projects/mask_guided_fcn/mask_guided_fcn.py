"""Mask-guided FCN: masks of what a set has in common, learnt without labels, and the network that takes them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from projects.mask_guided_fcn.modules import TwoBranches
from salseg.errors import CheckpointError, ConfigError, DataError
from salseg.models.segmentors.base import Part, Parts, build_part
from salseg.models.segmentors.group_segmentor import GroupSegmentor
from salseg.ops.geometry import map_size
from salseg.ops.mask_learner import learn_masks
from salseg.registry import MODELS, SEGMENTORS
from salseg.structures import FrameInputs


@MODELS.register_module()
class MaskLearner(nn.Module):
    """Masks of what a set of images shares, from the features of a frozen network (mask-guided FCN, section 3.1).

    Args:
        backbone: (N, 3, H, W), normalised, to maps; the last one is used. It must tell kinds of things apart: with
            random weights the masks are noise.
        mode: See :func:`salseg.ops.mask_learner.learn_masks`.
        iterations: Rounds; 0 for the principal direction alone, the paper's comparison.
        response_std: Spread of the responses that the features are scaled to.
        renormalise: Keep that spread in every round.
        lambda1: Weight of the direction's squared length (eq. 1).
        lambda2: Weight of the masks' absolute sum (eq. 1).
        rho: Penalty of the constraint that masks are responses (eq. 3).

    Raises:
        ConfigError: A value outside its range.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any] | nn.Module,
        mode: Literal['robust', 'literal'] = 'robust',
        iterations: int = 3,
        response_std: float = 25.0,
        renormalise: bool = False,
        lambda1: float = 0.001,
        lambda2: float = 100.0,
        rho: float = 10.0,
    ) -> None:
        super().__init__()
        self.mode, self.iterations, self.response_std, self.renormalise = mode, iterations, response_std, renormalise
        self.lambda1, self.lambda2, self.rho = lambda1, lambda2, rho
        self._check_settings()
        self.backbone = build_part(backbone)
        # Frozen: the masks are a start without labels, and must not come to depend on what is trained with them.
        self.backbone.requires_grad_(False).eval()

    def _check_settings(self) -> None:
        # Below rho = 2 a step has no minimum; a negative weight would reward what it should restrain.
        for key, fits, range_ in (
            ('mode', self.mode in ('robust', 'literal'), "'robust' or 'literal'"),
            ('iterations', self.iterations >= 0, '0 or more'),
            ('response_std', self.response_std > 0, 'above 0'),
            ('lambda1', self.lambda1 >= 0, '0 or more'),
            ('lambda2', self.lambda2 >= 0, '0 or more'),
            ('rho', self.rho >= 2, '2 or more'),
        ):
            if not fits:
                raise ConfigError(f'model.learner.{key}={getattr(self, key)!r}; expected {range_}.')

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
        # One by one: a set may have any size, and only its features are needed at once.
        return torch.cat([self.backbone(frame.unsqueeze(0))[-1] for frame in frames])

    def learn(self, features: Tensor) -> Tensor:
        """Masks of one set: (T, C, h, w) to (T, 1, h, w) in [0, 1].

        Raises:
            DataError: All positions look alike.
        """
        grid = map_size(features)
        try:
            # All positions of the set together, since what its images share is a direction common to them all.
            masks = learn_masks(
                features.flatten(2).transpose(1, 2), grid, self.mode, self.iterations, self.response_std,
                self.renormalise, self.lambda1, self.lambda2, self.rho,
            )  # fmt: skip
        except ValueError as error:
            raise DataError(f'no mask can be learnt from {len(features)} images: {error}') from error
        return masks.unsqueeze(1).to(features.dtype)

    def forward(self, frames: Tensor) -> Tensor:
        """Masks of every set of a batch: (B, T, 3, H, W) to (B, T, 1, h, w)."""
        # Sets of a batch have nothing in common, so each is learnt alone.
        return torch.stack([self.learn(self.features(group)) for group in frames])


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
        if not isinstance(self.backbone, TwoBranches):
            raise ConfigError(
                f'model.backbone is a {type(self.backbone).__name__}; MaskGuidedSegmentor needs one whose late stages exist '
                'twice, since one branch is masked where they part: TwoBranchVGG16 or TwoBranchLite0. Other backbones can be '
                'the one of model.learner.'
            )
        self.learner = build_part(learner)
        if self.learner is not None and not isinstance(self.learner, MaskLearner):
            raise ConfigError(f'model.learner is a {type(self.learner).__name__}; expected a MaskLearner.')

    def prepare(self, inputs: FrameInputs) -> FrameInputs:
        """The batch with guidance.

        Raises:
            DataError: There is none and nothing to make it.
            CheckpointError: The learner's network has no weights.
        """
        # Masks from files win: they were learnt once and from whole groups, where a training batch would learn them
        # anew from single images.
        if inputs.guidance is not None or not self.needs_guidance:
            return inputs
        if not isinstance(self.learner, MaskLearner):
            raise DataError(
                'this batch has no guidance and the model no learner: put LoadGuidance into the pipeline (`salseg '
                'precompute guidance` writes the masks), or give the model a learner.'
            )
        # At use and not at construction: weights may have come with a checkpoint in between.
        self.learner.check_weights(self.weights_source is not None)
        return replace(inputs, guidance=self.learner(inputs.frames))

    @property
    def needs_guidance(self) -> bool:
        """Whether any branch is masked."""
        return self.backbone.mask_early or self.backbone.mask_late

    def extract(self, inputs: FrameInputs) -> list[Tensor]:
        """The joined map of both branches, (B, T, C, h, w)."""
        # Here too: training does not go through prediction in parts. A batch that has its guidance passes unchanged.
        inputs = self.prepare(inputs)
        # The network sees frames one by one; that they are a group is in the masks alone.
        guidance = None if inputs.guidance is None else inputs.guidance.flatten(0, 1)
        maps = self.backbone(self.compose(inputs), guidance)
        return [level.unflatten(0, inputs.frames.shape[:2]) for level in maps]
