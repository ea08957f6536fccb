"""NPMCA-net: fast pixel matching with the first and the previous frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from projects.npmca_net.modules import (
    ChannelAttention,
    Decoder,
    add_mask_channel,
    frame_padding,
    freeze_norms,
    scaled_size,
)
from salseg.errors import ConfigError, DataError
from salseg.models.backbones.base import build_backbone
from salseg.models.fitting import ANY_FRAME, check_strides
from salseg.models.matchers.non_local_pixel_matching import NonLocalPixelMatching
from salseg.models.segmentors.base import Part, Parts
from salseg.models.segmentors.propagation_segmentor import PropagationSegmentor
from salseg.ops.geometry import cut_padding, map_size, pad_frames
from salseg.ops.soft_aggregation import aggregate
from salseg.propagation import FrameResult, MemoryReport, Prompt, merge_prompt
from salseg.registry import SEGMENTORS
from salseg.structures import FrameInputs


@dataclass
class NPMCAState:
    """State of one video between two frames: its size depends on the number of objects only.

    Attributes:
        object_ids: Of the objects tracked, in the order of all tensors.
        first: At each scale, the matched features of every object's own first frame, (K, C, h, w).
        frame: Previous frame (3, H, W), padded.
        masks: Probabilities of the previous frame (K, H, W), padded.
        union_frame, union_masks: The last frame with a prompt, and all objects' masks there.
        union: At each scale, features of all objects together in that frame, (1, C, h, w); None until they are needed.
    """

    object_ids: list[int] = field(default_factory=list)
    first: list[Tensor] = field(default_factory=list)
    frame: Tensor | None = None
    masks: Tensor | None = None
    union_frame: Tensor | None = None
    union_masks: Tensor | None = None
    union: list[Tensor] | None = None

    def clear(self) -> None:
        """Back to the state before the first prompt."""
        self.load_state_dict(vars(NPMCAState()))

    def tensors(self) -> list[Tensor]:
        """All that is stored."""
        singles = (self.frame, self.masks, self.union_frame, self.union_masks)
        return [*self.first, *(self.union or []), *(x for x in singles if x is not None)]

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        vars(self).update(vars(NPMCAState(**state)))


@SEGMENTORS.register_module()
class NPMCANet(PropagationSegmentor):
    """Follow objects by matching each frame with their first and with the previous frame (thesis, chapter 3).

    Every object is a problem of its own: the target encoder sees the frame and where the object was, the reference
    encoder sees the first and the previous frame with all else blacked out. Objects share a batch.

    Args:
        backbone: Images to maps at strides 4, 8 and 16; built once for the target and once for the references.
        matched_channels, decoder_channels: Widths of the matched maps and of the decoder.
        channel_attention: False leaves channel attention out.
        previous_mask: False does not show the target encoder where the object was.
        shared_encoder: True uses the target's encoder for the references too, which then see their own mask.
        share_matching: False gives first and previous frame a matching module each.
        matching_scale, matching_similarity: See :class:`NonLocalPixelMatching`.
        mask_space: What removed background becomes: black, 'pixel', or 0 after normalisation, 'normalized'.
        soft_mask: Whether estimated masks stay soft when they remove the background; else they are cut at one half.
        scales: At which each frame is answered; the probabilities' mean counts, and is what the next frame sees.
        pad_mode: 'needed', to multiples of 16, or 'rgmp', always to the next multiple of 32.
        background: With several objects, 'union' asks for all of them together, which costs a pass, 'product'
            multiplies 1 - p.
        detach_previous: Whether the gradient stops at the mask of the previous frame.
        hide_previous: Fraction of training clips in which the target encoder is shown no previous mask, so that it cannot
            do without matching.
        slots_per_call: Objects in one batch; more are taken in turn, which bounds the memory of a step.
        shorter_side, data_preprocessor, losses, norm_eval: See :class:`PropagationSegmentor`.

    Raises:
        ConfigError: An option is unknown, or the backbone has other strides.
    """

    provides_outputs = ('logits', 'probability')

    def __init__(
        self,
        backbone: Part,
        matched_channels: int = 256,
        decoder_channels: int = 256,
        channel_attention: bool = True,
        previous_mask: bool = True,
        shared_encoder: bool = False,
        share_matching: bool = True,
        matching_scale: float = 1.0,
        matching_similarity: str = 'product',
        mask_space: str = 'pixel',
        soft_mask: bool = True,
        scales: Sequence[float] = (0.5, 0.75, 1.0),
        pad_mode: str = 'needed',
        background: str = 'union',
        detach_previous: bool = False,
        hide_previous: float = 0.0,
        slots_per_call: int = 8,
        shorter_side: int | None = None,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        norm_eval: bool = True,
    ) -> None:
        super().__init__(shorter_side, data_preprocessor, losses, norm_eval)
        _check_choice('mask_space', mask_space, ('pixel', 'normalized'))
        _check_choice('background', background, ('union', 'product'))
        frame_padding((1, 1), pad_mode)
        if not scales or min(scales) <= 0 or slots_per_call < 1 or not 0 <= hide_previous <= 1:
            raise ConfigError(
                f'NPMCANet: scales={scales}, slots_per_call={slots_per_call}, hide_previous={hide_previous}; '
                'expected positive numbers and a share.'
            )
        if shared_encoder and not previous_mask:
            raise ConfigError(
                'NPMCANet: shared_encoder=True needs previous_mask=True, since references pass their mask.'
            )
        target = build_backbone(backbone)
        check_strides('model.backbone', target, (4, 8, 16))
        target.check_size(ANY_FRAME, 'NPMCANet, whose frames are padded to multiples of 16')
        # Two trunks, one for each kind of input: a frame with a mask beside it, and an object cut out on black. Thesis
        # table 3.6 has the trial with one, `shared_encoder`, which is several points worse.
        self.target_encoder = add_mask_channel(target) if previous_mask else target
        # Built from the config again, not copied: both start from the pretrained file, before the target's stem was
        # changed.
        self.reference_encoder = None if shared_encoder else build_backbone(backbone)
        freeze_norms(self)
        channels = tuple(target.channels)
        matching = (channels[2], matched_channels, matching_scale, matching_similarity)
        # First and previous frame are matched in one space by default, so that what one lacks the other can give.
        self.matcher = NonLocalPixelMatching(*matching)
        self.matcher_previous = None if share_matching else NonLocalPixelMatching(*matching)
        self.attention = ChannelAttention() if channel_attention else None
        self.decoder = Decoder(matched_channels, (channels[1], channels[0]), decoder_channels)
        self.previous_mask, self.mask_space, self.soft_mask = previous_mask, mask_space, soft_mask
        self.scales, self.pad_mode, self.background = tuple(scales), pad_mode, background
        self.detach_previous, self.hide_previous, self.slots_per_call = detach_previous, hide_previous, slots_per_call
        self.check_wiring()

    @property
    def black(self) -> Tensor:
        """(3, 1, 1) normalised value that removed background takes."""
        # Frames are normalised already when the background is removed, so the black of pixels is -mean / std there.
        preprocessor = self.data_preprocessor
        return (0 if self.mask_space == 'normalized' else -1) * preprocessor.mean / preprocessor.std

    def init_state(self) -> NPMCAState:
        """State of a video before its first frame."""
        return NPMCAState()

    def encode(self, frames: Tensor, masks: Tensor, matcher: NonLocalPixelMatching) -> Tensor:
        """Reduced reference features (N, C, h, w) of frames (N, 3, H, W) without what is outside masks (N, H, W)."""
        masks = masks.unsqueeze(1)
        # Soft: where the estimate doubts, part of the image stays, and an object that grows is not cut to its old
        # outline.
        seen = masks if self.soft_mask else (masks >= 0.5).to(masks.dtype)
        removed = frames * seen + self.black * (1 - seen)
        if self.reference_encoder is None:
            # The one trunk has four inputs, so references bring their own mask.
            features = self.target_encoder(torch.cat([removed, masks], 1))
        else:
            features = self.reference_encoder(removed)
        # Reduced here and not in the matching, so that the first frame costs its encoder and this convolution once per
        # video.
        return matcher.reduce_reference(features[-1])

    def read(self, references: Sequence[Tensor], target: Tensor) -> Tensor:
        """(N, 2 C, h, w): the target (N, C_in, h, w) described by the first and by the previous frame (N, C, h, w)."""
        found = []
        for reference, matcher in zip(references, (self.matcher, self.matcher_previous or self.matcher)):
            matched = matcher.match(reference, target)
            # On each matched map alone and before they are joined (eq. 3.4 to 3.7): channels of one reference are
            # weighed against each other, not against those of the other reference.
            found.append(matched if self.attention is None else self.attention(matched))
        return torch.cat(found, 1)

    def decode(self, frames: Tensor, masks: Tensor, references: Sequence[Tensor]) -> Tensor:
        """Logits (N, 2, H, W) of background and object in frames (N, 3, H, W), given where it was, masks (N, H, W)."""
        seen = torch.cat([frames, masks.unsqueeze(1)], 1) if self.previous_mask else frames
        # Skips from the target alone: a reference's details are those of another pose.
        skip4, skip8, target = self.target_encoder(seen)
        return self.decoder(self.read(references, target), skip8, skip4)

    def answer(self, frame: Tensor, masks: Tensor, previous: Tensor, first: Tensor) -> Tensor:
        """Probabilities (N, H, W) of N objects, each alone.

        Args:
            frame: (3, H, W).
            masks: (N, H, W), of the previous frame.
            previous: (3, H, W), the previous frame.
            first: (N, C, h, w), reduced features of their first frames.
        """
        found = []
        matcher = self.matcher_previous or self.matcher
        for part, start in zip(masks.split(self.slots_per_call), first.split(self.slots_per_call)):
            count = len(part)
            # Objects are problems of their own, so the batch can be cut anywhere without a change of the result.
            before = self.encode(previous.expand(count, -1, -1, -1), part, matcher)
            logits = self.decode(frame.expand(count, -1, -1, -1), part, (start, before))
            # Half precision has no probabilities near 1 from which odds could be taken later.
            found.append(torch.softmax(logits.float(), 1)[:, 1])
        return torch.cat(found)

    def step(
        self, frame: Tensor, state: NPMCAState, prompt: Prompt | None = None, *, last: bool = False
    ) -> FrameResult:
        """Result for one frame (3, H, W), normalised, of any size (the same through a video)."""
        # Nothing has been given yet, so everything is background.
        if prompt is None and not state.object_ids:
            return FrameResult(frame.new_ones((1, *frame.shape[1:])), ())
        # Padded once, with black; the scales are made from the padded frame, as RGMP does.
        pad = frame_padding(map_size(frame), self.pad_mode)
        image = pad_frames(frame, pad, self.black)
        known = list(state.object_ids)
        ids = known if prompt is None else known + [i for i in prompt.ids if i not in known]
        # Tracked only if some object is not given here: a prompt for all of them is the result.
        probability = None
        if known and (prompt is None or len(prompt.ids) < len(ids)):
            probability = self._tracked(image, state)
        if prompt is not None:
            given = pad_frames(prompt.masks, pad).to(frame.dtype)
            # Given masks win over estimates of the objects that were known.
            masks = merge_prompt(probability, given, known, prompt.ids, ids)
            # One object has nobody to compete with: its probability passes unchanged, as in RGMP.
            probability = torch.cat([1 - masks, masks]) if len(ids) == 1 else aggregate(masks)
            state.object_ids = ids
            if not last:
                # With the merged masks: what the next frame matches against is what was answered.
                self.memorise(state, image, probability[1:], prompt.ids, known)
        # Something was given or tracked: a frame before the first prompt was answered above.
        assert probability is not None
        # Soft and after the competition of the objects, so that the next frame starts from one consistent result.
        state.frame, state.masks = (None, None) if last else (image, probability[1:])
        return FrameResult(cut_padding(probability, pad), tuple(ids))

    def memorise(
        self, state: NPMCAState, image: Tensor, masks: Tensor, given: Sequence[int], known: Sequence[int]
    ) -> None:
        """Make a frame (3, H, W) with masks (K, H, W) the first frame of the given objects, new or corrected."""
        places = [state.object_ids.index(i) for i in given]
        for number, scale in enumerate(self.scales):
            # For every scale: features are not scale free, so a small target is matched with a small reference.
            fresh = self._references(image, masks[places], scale)
            if number == len(state.first):
                state.first.append(fresh.new_zeros((0, *fresh.shape[1:])))
            old = state.first[number]
            whole = torch.cat([old, fresh.new_zeros((len(state.object_ids) - len(old), *fresh.shape[1:]))])
            for place, index, value in zip(places, given, fresh):
                # An empty correction ("absent here") must not overwrite the only trustworthy look of an object.
                if index not in known or masks[place].max() > 0.5:
                    whole[place] = value
            state.first[number] = whole
        # Features of the union wait until a second object makes them necessary.
        state.union_frame, state.union_masks, state.union = image, masks, None

    def _references(self, image: Tensor, masks: Tensor, scale: float) -> Tensor:
        size = scaled_size(map_size(image), scale, self.pad_mode)
        scaled, small = _resize(image, size), _resize(masks, size)
        parts = [
            self.encode(scaled.expand(len(p), -1, -1, -1), p, self.matcher) for p in small.split(self.slots_per_call)
        ]
        return torch.cat(parts)

    def _tracked(self, image: Tensor, state: NPMCAState) -> Tensor:
        """(1 + K, H, W) probabilities of a padded frame."""
        size = map_size(image)
        # RGMP's reading of p_0, which the thesis leaves open: one more pass, with all objects as one, says where none
        # is. It rides along as a first object, so that its matching is batched with theirs.
        together = self.background == 'union' and len(state.object_ids) > 1
        masks, before = _held(state.masks), _held(state.frame)
        union: list[Tensor] = []
        if together:
            masks = torch.cat([masks.sum(0, keepdim=True).clamp(max=1), masks])
            if state.union is None:
                one = _held(state.union_masks).sum(0, keepdim=True).clamp(max=1)
                state.union = [self._references(_held(state.union_frame), one, scale) for scale in self.scales]
            union = state.union
        total = masks.new_zeros(())
        for number, scale in enumerate(self.scales):
            first = torch.cat([union[number], state.first[number]]) if together else state.first[number]
            small = scaled_size(size, scale, self.pad_mode)
            found = self.answer(_resize(image, small), _resize(masks, small), _resize(before, small), first)
            # Probabilities and not logits, after RGMP: one scale with a large logit would outvote the others.
            total = total + _resize(found, size)
        mean = total / len(self.scales)
        # Eq. 3.8 divides among several objects; with one, background is what is left.
        if len(state.object_ids) == 1:
            return torch.cat([1 - mean, mean])
        return aggregate(mean[1:], 1 - mean[:1]) if together else aggregate(mean)

    def remove_objects(self, state: NPMCAState, ids: Sequence[int]) -> None:
        """Forget objects."""
        keep = [place for place, index in enumerate(state.object_ids) if index not in ids]
        if not keep:
            state.clear()
            return
        state.object_ids = [state.object_ids[place] for place in keep]
        state.first = [value[keep] for value in state.first]
        state.masks = None if state.masks is None else state.masks[keep]
        state.union_masks = None if state.union_masks is None else state.union_masks[keep]
        state.union = None

    def memory_report(self, state: NPMCAState) -> MemoryReport:
        """Positions of the first frames' features of all objects and scales, frames, masks, and bytes."""
        elements = dict(
            first=sum(x.shape[0] * x.shape[2] * x.shape[3] for x in state.first),
            union=sum(x.shape[2] * x.shape[3] for x in state.union or []),
            frames=sum(x is not None for x in (state.frame, state.union_frame)),
            masks=sum(len(x) for x in (state.masks, state.union_masks) if x is not None),
        )
        return MemoryReport(elements, sum(t.numel() * t.element_size() for t in state.tensors()))

    def unroll(self, inputs: FrameInputs) -> dict[str, Tensor]:
        """Predict frames 1..T-1 of a clip, each from frame 0 and from the prediction before it.

        Args:
            inputs: ``frames`` (B, T, 3, H, W), H and W multiples of 16; ``prompt`` (B, K, H, W), masks of frame 0.

        Returns:
            ``logits`` and ``probability``, (B, T-1, K, H, W), every object for itself.
        """
        if inputs.prompt is None:
            raise ConfigError('NPMCANet trains from the masks of the first frame, prompt (B, K, H, W); there is none.')
        objects = inputs.prompt.shape[1]
        frames = inputs.frames.repeat_interleave(objects, 0)
        masks = inputs.prompt.to(frames.dtype).flatten(0, 1)
        # Every object of every clip is a sample of its own: the loss is on binary problems, and eq. 3.8 joins them in
        # inference only.
        first = self.encode(frames[:, 0], masks, self.matcher)
        shared = self.matcher_previous is None
        # Drawn for the clip, not the frame: a network that is shown its previous mask can copy it, and in a short clip
        # that already scores well.
        shown = (torch.rand(len(masks), 1, 1, device=masks.device) >= self.hide_previous).to(masks.dtype)
        found = []
        for t in range(1, frames.shape[1]):
            # Frame 1 has the first frame as its previous one.
            before = (
                first
                if t == 1 and shared
                else self.encode(frames[:, t - 1], masks, self.matcher_previous or self.matcher)
            )
            pair = self.decode(frames[:, t], masks * shown, (first, before))
            # The softmax of two logits is the sigmoid of their difference; losses read one logit per object.
            found.append(pair[:, 1] - pair[:, 0])
            # The next frame lives with this estimate, soft and with gradient (back-propagation through time, after
            # RGMP): training on given masks would hide errors that feed themselves.
            masks = torch.sigmoid(found[-1])
            masks = masks.detach() if self.detach_previous else masks
        logits = torch.stack(found, 1).unflatten(0, (-1, objects)).transpose(1, 2)
        return dict(logits=logits, probability=torch.sigmoid(logits))


def _held(value: Tensor | None) -> Tensor:
    if value is None:
        raise DataError(
            'this state of NPMCANet holds no frame: its video has ended; begin another one with init_state().'
        )
    return value


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps[None], size=size, mode='bilinear', align_corners=False)[0]


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f'NPMCANet: {name}={value!r}; expected {" or ".join(map(repr, choices))}.')
