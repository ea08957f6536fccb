"""Saliency of sets too large to be held in memory at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.segmentors.base import Part, Parts
from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor
from salseg.ops.precision import mixed_precision
from salseg.registry import SEGMENTORS
from salseg.structures import FrameInputs, SalDataSample


@runtime_checkable
class RelatesLevels(Protocol):
    """A matcher that says which levels it reads and changes; all others pass through it."""

    levels: Sequence[int]


@SEGMENTORS.register_module()
class GroupSegmentor(SaliencySegmentor):
    """A saliency segmentor that predicts frame by frame where only the matcher relates frames.

    Backbone, neck and head see a frame on its own, so a group of any size is predicted exactly in parts: first the
    levels that the matcher reads are collected from all frames, then the matcher runs once on the whole group, then
    every part is decoded. The maps equal those of the group in one piece up to rounding.

    Args:
        frames_at_once: Frames per part in prediction; None runs the whole set in one piece, as in training.
        keep: What is held between the two rounds: 'all', every level; 'matched', only the levels that the matcher
            reads, so the backbone runs twice and memory hardly grows with the group; 'auto', all while they take
            ``keep_bytes`` at most.
        keep_bytes: Of all frames' levels, for 'auto': 512 MiB are those of 21 frames of 224x224 of VGG-16.
        backbone, head, neck, matcher, losses, extra_passes: See `SaliencySegmentor`.
        restore_from, restore_align_corners, postprocess, data_preprocessor, norm_eval: As there.

    Raises:
        ConfigError: An option is unknown, or the matcher does not say which levels it reads.
    """

    input_types = ('group',)

    def __init__(
        self,
        backbone: Part,
        head: Part,
        neck: Part | None = None,
        matcher: Part | None = None,
        frames_at_once: int | None = 1,
        keep: Literal['auto', 'matched', 'all'] = 'auto',
        restore_from: str = 'logits',
        restore_align_corners: bool = False,
        postprocess: Mapping[str, Any] | None = None,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        extra_passes: Parts | None = None,
        norm_eval: bool | str = False,
        keep_bytes: int = 512 * 2**20,
    ) -> None:
        super().__init__(
            backbone, head, neck, matcher, restore_from, restore_align_corners, postprocess, data_preprocessor, losses,
            extra_passes, norm_eval,
        )  # fmt: skip
        if keep not in ('auto', 'matched', 'all') or (frames_at_once is not None and frames_at_once < 1):
            raise ConfigError(
                f"{type(self).__name__}: keep={keep!r} is 'auto', 'matched' or 'all', frames_at_once={frames_at_once} at "
                'least 1 or None for the whole set.'
            )
        if frames_at_once is not None and self.matcher is not None and not isinstance(self.matcher, RelatesLevels):
            raise ConfigError(
                f'{type(self.matcher).__name__} does not say which levels it relates (an attribute `levels`), so its '
                'sets cannot be predicted in parts: set model.frames_at_once=None.'
            )
        self.frames_at_once = frames_at_once
        self.keep = keep
        self.keep_bytes = keep_bytes

    def predict(self, inputs: FrameInputs, data_samples: Sequence[SalDataSample]) -> list[SalDataSample]:
        """Add ``pred_maps``, one float32 (height, width) map in [0, 1] per frame, at each image's own size."""
        if self.frames_at_once is None:
            return super().predict(inputs, data_samples)
        # One set at a time: the frames of several would be held together for nothing, since sets do not see each other.
        sets = (frames_of(inputs, slice(index, index + 1)) for index in range(len(data_samples)))
        return [self.finish(self._predicted(part), sample) for part, sample in zip(sets, data_samples)]

    def _predicted(self, inputs: FrameInputs) -> dict[str, Tensor]:
        with mixed_precision(self.prediction_dtype, inputs.frames):
            return self.run_in_parts(inputs)

    def run_in_parts(self, inputs: FrameInputs) -> dict[str, Tensor]:
        """The map that a prediction needs, ``logits`` or ``probability`` (T, 1, H, W), of a batch of one set."""
        # Before the cut: what is learnt from the whole set would come out otherwise for each part.
        inputs = self.prepare(inputs)
        count = inputs.frames.shape[1]
        step = self.frames_at_once or count
        cuts = [slice(start, start + step) for start in range(0, count, step)]
        parts = [frames_of(inputs, slice(None), cut) for cut in cuts]
        if self.matcher is None:
            return _joined(self.decode(self.extract(part), part.size) for part in parts)
        kept, levels = self._collect(parts)
        # Once and on all frames. This is the step that cannot be cut: every frame votes on every other one.
        matched, _ = self.match(levels)
        # All frames' levels are the largest thing held here; without them a part's own memory is the peak.
        del levels
        # Taken out of the list, so that a part's levels go when it is decoded.
        return _joined(self._decode_part(part, kept.pop(0), matched, cut) for part, cut in zip(parts, cuts))

    def prepare(self, inputs: FrameInputs) -> FrameInputs:
        """What has to be known of the whole set before its frames are parted; a project may override it."""
        return inputs

    def _collect(self, parts: Sequence[FrameInputs]) -> tuple[list[list[Tensor] | None], list[Tensor]]:
        """Per part all levels (None where they are computed again), and the matcher's levels of all frames."""
        kept: list[list[Tensor] | None] = []
        read = []
        keeps_all = self.keep == 'all'
        for part in parts:
            features = self.extract(part)
            # Cloned: a view would keep alive what else is in the same memory.
            read.append([features[level].clone() for level in self._matched_levels()])
            if self.keep == 'auto' and not kept:
                size = sum(level.numel() * level.element_size() for level in features)
                keeps_all = size * len(parts) <= self.keep_bytes
            kept.append(features if keeps_all else None)
        return kept, [torch.cat(frames, dim=1) for frames in zip(*read)]

    def _decode_part(
        self, part: FrameInputs, held: list[Tensor] | None, matched: Sequence[Tensor], cut: slice
    ) -> dict[str, Tensor]:
        # A second run of the backbone is the price of not holding the finer levels, which have most of the elements.
        features = list(self.extract(part) if held is None else held)
        for level, value in zip(self._matched_levels(), matched):
            features[level] = value[:, cut]
        return self.decode(features, part.size)

    def _matched_levels(self) -> Sequence[int]:
        return self.matcher.levels if isinstance(self.matcher, RelatesLevels) else ()


def frames_of(inputs: FrameInputs, sets: slice, frames: slice = slice(None)) -> FrameInputs:
    """Some sets, and some frames of each, of a batch."""

    def cut(value: Tensor | None) -> Tensor | None:
        return None if value is None else value[sets, frames]

    return replace(
        inputs,
        frames=inputs.frames[sets, frames],
        prompt=cut(inputs.prompt),
        flow=cut(inputs.flow),
        guidance=cut(inputs.guidance),
        images=cut(inputs.images),
        padding=cut(inputs.padding),
    )


def _joined(parts: Any) -> dict[str, Tensor]:
    # Side outputs of a head would keep several maps of full size per frame until the last part is done.
    needed = [{name: value[0] for name, value in part.items() if name in ('logits', 'probability')} for part in parts]
    return {name: torch.cat([part[name] for part in needed]) for name in needed[0]}
