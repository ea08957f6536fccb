"""Maps for all frames of a set in one pass: SOD, CoSOD and VSOD."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from mmengine.config import ConfigDict
from torch import Tensor

from salseg.errors import ConfigError, NotFinite
from salseg.models.backbones.base import Backbone
from salseg.models.fitting import after_part, levels_of
from salseg.models.layers import one_batch
from salseg.models.segmentors.base import BaseSegmentor, Part, Parts, build_part
from salseg.ops.precision import mixed_precision
from salseg.registry import POSTPROCESSORS, SEGMENTORS
from salseg.structures import FrameInputs, InputType, SalDataSample


@SEGMENTORS.register_module()
class SaliencySegmentor(BaseSegmentor):
    """backbone -> matcher -> neck -> head on (B, T, 3, H, W), a map per frame.

    A project overrides single methods: `compose` (what the backbone sees), `extract`, `match`, `decode`.

    Args:
        backbone: (N, 3, H, W) -> list of maps, N = B*T.
        head: list of (N, C, h, w) and the size -> dict of (N, ...) outputs, among them ``logits`` (N, 1, H, W).
        neck: list of maps -> list of maps, frame by frame.
        matcher: list of (B, T, C, h, w) -> the same and further outputs; relates frames.
        restore_from: What is resized to the image's own size, 'logits' (then the sigmoid) or 'probability'.
        restore_align_corners: As in `torch.nn.functional.interpolate`.
        postprocess: Steps on each predicted sample, by name.
        data_preprocessor, losses, extra_passes, norm_eval: See `BaseSegmentor`.
        input_type: 'image' or 'clip': whether a set holds one image or consecutive frames; the parts do not tell.

    Raises:
        ConfigError: ``restore_from`` or ``input_type`` is unknown, or a part takes other levels than reach it.
    """

    input_types: tuple[InputType, ...] = ('image', 'clip')

    def __init__(
        self,
        backbone: Part,
        head: Part,
        neck: Part | None = None,
        matcher: Part | None = None,
        restore_from: str = 'logits',
        restore_align_corners: bool = False,
        postprocess: Mapping[str, Any] | None = None,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        extra_passes: Parts | None = None,
        norm_eval: bool | str = False,
        input_type: Literal['image', 'clip'] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, losses, extra_passes, norm_eval, input_type)
        if restore_from not in ('logits', 'probability'):
            raise ConfigError(f"restore_from={restore_from!r}; expected 'logits' or 'probability'.")
        self.backbone = build_part(backbone)
        self.matcher = build_part(matcher)
        self.neck = build_part(neck)
        self.head = build_part(head)
        # Compared here, by the keys of the config: torch would complain in the first step, of the shape of some weight.
        levels = levels_of(self.backbone) if isinstance(self.backbone, Backbone) else None
        for name in ('matcher', 'neck', 'head'):
            levels = after_part(f'model.{name}', getattr(self, name), levels)
        self.restore_from = restore_from
        self.restore_align_corners = restore_align_corners
        steps = {name: step for name, step in (postprocess or {}).items() if step is not None}
        self.postprocess = {
            n: POSTPROCESSORS.build(s) if isinstance(s, dict | ConfigDict) else s for n, s in steps.items()
        }
        self.check_wiring()

    @property
    def provides(self) -> tuple[str, ...]:
        """Outputs of head, neck, matcher and extra passes."""
        parts = (self.head, self.neck, self.matcher)
        own = [name for part in parts if part is not None for name in getattr(part, 'provides', ())]
        return (*own, *super().provides)

    def compose(self, inputs: FrameInputs) -> Tensor:
        """(B*T, C, H, W) that the backbone sees: the frames."""
        return inputs.fold()

    def extract(self, inputs: FrameInputs) -> list[Tensor]:
        """Features of each frame on its own, (B, T, C, h, w) per level."""
        sets = inputs.frames.shape[:2]
        # Frames are folded into the batch for what sees them alone, and unfolded for what relates them; so one contract
        # holds for images, groups and clips.
        return [level.unflatten(0, (-1, sets[1])) for level in self.backbone(self.compose(inputs))]

    def match(self, features: list[Tensor], voters: Tensor | None = None) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Relate frames; without a matcher the features pass through.

        Args:
            features: (B, T, C, h, w) per level.
            voters: (B, T) bool, frames that the others shall see, for a matcher that can leave some out; None means all.
        """
        if self.matcher is None:
            return features, {}
        return self.matcher(features) if voters is None else self.matcher(features, voters)

    def decode(self, features: list[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Outputs (B, T, ...) of neck and head at network size (H, W)."""
        frames = features[0].shape[1]
        # Neck and head see single frames: whatever one frame tells another, it tells in the matcher.
        levels = [one_batch(level) for level in features]
        if self.neck is not None:
            levels = self.neck(levels)
        outputs = self.head(levels, size)
        return {name: value.unflatten(0, (-1, frames)) for name, value in outputs.items()}

    def run(self, inputs: FrameInputs) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Features before the matcher, and all outputs by name."""
        features = self.extract(inputs)
        matched, extra = self.match(features)
        # Features from before the matcher, because extra passes run it again on changed ones.
        return features, {**self.decode(matched, inputs.size), **extra}

    def predict(self, inputs: FrameInputs, data_samples: Sequence[SalDataSample]) -> list[SalDataSample]:
        """Add ``pred_maps``, one float32 (height, width) map in [0, 1] per frame, at each image's own size."""
        with mixed_precision(self.prediction_dtype, inputs.frames):
            outputs = self.run(inputs)[1]
        # Set by set from here on: images of a batch have sizes of their own.
        parts = ({name: value[index] for name, value in outputs.items()} for index in range(len(data_samples)))
        return [self.finish(part, sample) for part, sample in zip(parts, data_samples)]

    def finish(self, outputs: Mapping[str, Tensor], sample: SalDataSample) -> SalDataSample:
        """The sample with the maps of its outputs, see `restore`, after every step of ``postprocess``."""
        sample.pred_maps = self.restore(outputs, sample)
        for step in self.postprocess.values():
            sample = step(sample)
        return sample

    def test_step(self, data: dict[str, Any]) -> list[SalDataSample]:
        """mmengine's: preprocess and predict a batch, for a test, a prediction or pseudo-labels.

        Raises:
            NotFinite: A map holds a value that is infinite or no number.
        """
        samples: list[SalDataSample] = super().test_step(data)
        # Here and not in `predict`, since from here the maps go to the host anyway. All are at most 1, so the sums tell.
        sums = torch.stack([sum(each.sum(dtype=torch.float32) for each in sample.pred_maps) for sample in samples])
        for sample, total in zip(samples, sums.tolist()):
            if not math.isfinite(total):
                raise NotFinite(
                    f'{sample.where()}: the predicted map holds values that are no numbers: the weights '
                    f'({self.weights_source or "random"}) have diverged, or are damaged. Use an earlier checkpoint.'
                )
        return samples

    def restore(self, outputs: Mapping[str, Tensor], sample: SalDataSample) -> list[Tensor]:
        """Maps of one set at original size, undoing the geometry of its frames.

        Args:
            outputs: The set's outputs, ``logits`` or ``probability`` (T, 1, H, W) among them.
            sample: Holds the geometry.
        """
        # In bfloat16 probabilities near 1 have steps of 1/256, which an 8-bit map shows.
        logits = outputs['logits'].float()
        probability = outputs['probability'].float() if 'probability' in outputs else None
        maps = []
        for frame, geometry in enumerate(sample.geometry):
            if probability is not None or self.restore_from == 'probability':
                small = torch.sigmoid(logits[frame]) if probability is None else probability[frame]
                whole = geometry.undo(small, align_corners=self.restore_align_corners)
            else:
                # Which comes first, sigmoid or resize, differs between the released codes and shows along edges. What
                # the network did not see is background: -30 and not -inf, which would become NaN where the resize mixes
                # it with a neighbour.
                whole = torch.sigmoid(
                    geometry.undo(logits[frame], align_corners=self.restore_align_corners, fill=-30.0)
                )
            maps.append(whole[0])
        return maps
