"""XMem: video object segmentation with three memories (Cheng and Schwing, ECCV 2022).

The network, and its two loops over the same four methods (encode, read, decode, memorise): :meth:`XMem.step` tracks through
one frame of a video, :meth:`XMem.unroll` for a training clip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import broadcast, get_dist_info
from torch import Tensor

from projects.xmem.config import MemoryRules
from projects.xmem.exporting import export_parts
from projects.xmem.memory import XMemState
from projects.xmem.modules import Decoder, KeyProjection, ValueEncoder
from salseg.errors import ConfigError
from salseg.models.backbones.base import build_backbone
from salseg.models.fitting import ANY_FRAME, check_strides
from salseg.models.matchers.memory_reader import MemoryReader
from salseg.models.segmentors.base import Part, Parts, build_part
from salseg.models.segmentors.propagation_segmentor import PropagationSegmentor
from salseg.ops.geometry import cut_padding, even_padding, map_size, pad_frames
from salseg.ops.precision import at_least_float32
from salseg.ops.soft_aggregation import aggregate, aggregate_log_odds
from salseg.propagation import FrameResult, MemoryReport, Prompt, merge_prompt
from salseg.registry import SEGMENTORS
from salseg.structures import ExportPart, FrameInputs

STRIDE = 16


@dataclass(frozen=True)
class UnrollPlan:
    """Random decisions of a clip, made on the host.

    Attributes:
        references: For each predicted frame t = 1..T-1, the frames that each sample reads, (B, R_t) int64.
        deep: For each t, whether a deep update follows.
    """

    references: tuple[Tensor, ...]
    deep: tuple[bool, ...]

    @classmethod
    def draw(
        cls, batch: int, frames: int, references: int, deep_probability: float, generator: torch.Generator | None = None
    ) -> 'UnrollPlan':
        """All earlier frames while they are few enough, else the first and others at random (released code).

        Args:
            batch: B.
            frames: T.
            references: Frames read at most, R.
            deep_probability: Of a deep update after a frame, drawn for the whole batch.
            generator: On the host; torch's own by default, which training seeds by its step.
        """
        rows, deep = [], []
        for t in range(1, frames):
            # Frame 0 is always read: its masks are the only exact ones of the clip. The others are drawn, so that the
            # network meets short and long gaps, as in a video where working memory holds old and new frames.
            if t <= references:
                rows.append(torch.arange(t).repeat(batch, 1))
            else:
                some = [torch.randperm(t - 1, generator=generator)[: references - 1] + 1 for _ in range(batch)]
                rows.append(torch.cat([torch.zeros(batch, 1, dtype=torch.int64), torch.stack(some)], 1))
            # One decision for the batch: the update runs on all of its samples or not at all.
            deep.append(bool(torch.rand((), generator=generator) < deep_probability))
        return cls(tuple(rows), tuple(deep))

    @classmethod
    def draw_shared(cls, batch: int, frames: int, references: int, deep_probability: float) -> 'UnrollPlan':
        """This process' rows of one plan for the batch of all processes; see :meth:`draw`.

        So many processes take the steps that one takes with the whole batch.
        """
        seed = torch.randint(2**62, (1,))
        # The first process' seed: a deep update that some have and others have not would be a step of no one.
        broadcast(seed)
        rank, processes = get_dist_info()
        generator = torch.Generator().manual_seed(int(seed))
        whole = cls.draw(batch * processes, frames, references, deep_probability, generator)
        return cls(tuple(rows[rank * batch : (rank + 1) * batch] for rows in whole.references), whole.deep)


@SEGMENTORS.register_module()
class XMem(PropagationSegmentor):
    """Sensory, working and long-term memory for objects given by masks or boxes.

    Args:
        key_backbone: Images to maps at strides 4, 8 and 16.
        value_backbone: Images to a map at stride 16, its last one; it is widened to see masks.
        reader: Config of the :class:`MemoryReader`.
        memory: Fields of :class:`MemoryRules`.
        key_channels, value_channels, hidden_channels: Widths of key, value and sensory memory; 0 hidden channels leave
            the sensory memory out.
        decoder_channels: Width of the decoder at strides 8 and 4.
        others: Whether an object's value sees the other objects' masks; the released stage 0 does not.
        pad_missing: See :class:`ValueEncoder`.
        references: Frames that a frame of a training clip reads at most.
        deep_probability: Chance of a deep update in a training step.
        shorter_side, data_preprocessor, losses, norm_eval: See :class:`PropagationSegmentor`.

    Raises:
        ConfigError: A backbone has other strides, or a rule cannot be used.
    """

    def __init__(
        self,
        key_backbone: Part,
        value_backbone: Part,
        reader: Part = dict(type='MemoryReader'),  # noqa: B006 - a config, never written
        memory: Mapping[str, Any] | MemoryRules | None = None,
        key_channels: int = 64,
        value_channels: int = 512,
        hidden_channels: int = 64,
        decoder_channels: int = 256,
        others: bool = True,
        pad_missing: str = 'zeros',
        references: int = 3,
        deep_probability: float = 0.2,
        shorter_side: int | None = 480,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        norm_eval: bool = True,
    ) -> None:
        super().__init__(shorter_side, data_preprocessor, losses, norm_eval)
        self.key_encoder = build_backbone(key_backbone)
        value = build_backbone(value_backbone)
        check_strides('model.key_backbone', self.key_encoder, (4, 8, STRIDE))
        check_strides('model.value_backbone', value, (STRIDE,), last=True)
        for backbone in (self.key_encoder, value):
            backbone.check_size(ANY_FRAME, f'XMem, whose frames are padded to multiples of {STRIDE}')
        widths = tuple(self.key_encoder.channels)
        self.key_projection = KeyProjection(widths[2], key_channels)
        self.value_encoder = ValueEncoder(value, widths[2], value_channels, hidden_channels, others, pad_missing)
        self.decoder = Decoder(widths, value_channels, hidden_channels, decoder_channels)
        built = build_part(reader)
        if not isinstance(built, MemoryReader):
            raise ConfigError(f'model.reader is a {type(built).__name__}; expected a MemoryReader.')
        self.reader = built
        self.rules = MemoryRules.build(memory)
        self.hidden_channels = hidden_channels
        self.references = references
        self.deep_probability = deep_probability
        self.check_wiring()

    def init_state(self) -> XMemState:
        """State of a video before its first frame."""
        return XMemState.empty(self.rules)

    def encode(
        self, frames: Tensor, shrink: bool = True, select: bool = True
    ) -> tuple[list[Tensor], tuple[Tensor, Tensor | None, Tensor | None]]:
        """Features at strides 4, 8 and 16 of (N, 3, H, W), and key, shrinkage and selection."""
        features = self.key_encoder(frames)
        return features, self.key_projection(features[2], shrink, select)

    def read(self, state: XMemState, key: Tensor, selection: Tensor | None) -> Tensor:
        """(1, K, C_v, h, w) what the memory says of each object, for a frame's key (1, C, h, w)."""
        found = state.memory.read(self.reader, rows_of(key), None if selection is None else rows_of(selection))
        return found.permute(1, 2, 0).unflatten(2, key.shape[-2:]).unsqueeze(0)

    def decode(
        self, features: list[Tensor], readout: Tensor, hidden: Tensor | None, update: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (B, K, H, W) of every object for itself, and the new sensory memory."""
        return self.decoder(features, readout, hidden, update)

    def memorise(
        self, frames: Tensor, features: Tensor, masks: Tensor, hidden: Tensor | None, deep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Value (B, K, C_v, h, w) of frames with masks (B, K, H, W), and the new sensory memory."""
        return self.value_encoder(frames, features, masks, hidden, deep)

    def step(self, frame: Tensor, state: XMemState, prompt: Prompt | None = None, *, last: bool = False) -> FrameResult:
        """Result for one frame (3, H, W), normalised, of any size (the same through a video)."""
        # Time begins with the first prompt: frames before it would shift the interval at which frames are memorised.
        if prompt is None and not state.object_ids:
            return FrameResult(frame.new_ones((1, *frame.shape[1:])), ())
        # Padded after normalisation, so with the mean colour, as released: black would make an edge.
        pad = even_padding(map_size(frame), STRIDE)
        image = pad_frames(frame, pad).unsqueeze(0)
        state.time += 1
        # A frame with a prompt is memorised whatever the interval: its mask is given, not estimated. What the last frame
        # leaves behind nobody reads.
        is_mem_frame = not last and (prompt is not None or state.time - state.memorised >= self.rules.mem_every)
        is_deep_update, is_normal_update = self._due_updates(state, is_mem_frame, last)
        known = list(state.object_ids)
        ids = known if prompt is None else known + [i for i in prompt.ids if i not in known]
        # In the first frame there is nothing to read, and a prompt for all objects is the result itself.
        need_segment = state.time > 0 and (prompt is None or len(prompt.ids) < len(ids))
        # Shrinkage belongs to memory rows, selection to queries; rows keep theirs for their consolidation only.
        need_selection = self.rules.long_term or need_segment
        features, (key, shrinkage, selection) = self.encode(image, is_mem_frame, need_selection)
        probability = None
        if need_segment:
            # Of the objects known so far: new ones have no value in any row, and are given in this frame anyway.
            readout = self.read(state, key, selection)
            logits, hidden = self.decode(features, readout, state.hidden, is_normal_update)
            state.hidden = hidden if is_normal_update else state.hidden
            probability = aggregate(torch.sigmoid(logits[0]))
        if prompt is not None:
            given = pad_frames(prompt.masks, pad).to(frame.dtype)
            # Given masks take their pixels from estimates. Aggregated, so that a background is there and certain pixels
            # are clipped like those of estimates: the memory sees no difference.
            probability = aggregate(merge_prompt(probability, given, known, prompt.ids, ids))
            # Not before: reading and decoding above went by the objects that had values.
            state.object_ids = ids
            if self.hidden_channels:
                state.grow_hidden(len(ids), (self.hidden_channels, *key.shape[-2:]), key)
        # Something was given or tracked: a frame before the first prompt has its result above.
        assert probability is not None
        if is_mem_frame and shrinkage is not None:
            # The aggregated masks, soft: as decoded, two objects could claim a pixel and both be believed later on,
            # and a cut at one half would turn doubt into certainty that every later frame reads.
            value, hidden = self.memorise(image, features[2], probability[None, 1:], state.hidden, is_deep_update)
            # Without long-term memory nobody reads this column.
            chosen = torch.ones_like(key) if selection is None else selection
            values = value[0].flatten(2).permute(2, 0, 1)
            state.memory.append(state.time, rows_of(key), rows_of(shrinkage)[:, 0], rows_of(chosen), values, ids)
            state.memorised = state.time
            # Inside this branch: a deep update reads the value, so one that is due waits for the next memorised frame.
            if is_deep_update:
                state.hidden, state.deepened = hidden, state.time
        return FrameResult(cut_padding(probability, pad), tuple(ids))

    def _due_updates(self, state: XMemState, is_mem_frame: bool, last: bool) -> tuple[bool, bool]:
        """Whether the sensory memory gets its deep update, from the value, and its normal one, from the decoder."""
        if last:
            return False, False
        every = self.rules.deep_every
        # Synchronised (the default), a frame has one update or the other: the deep one replaces what the decoder would
        # write. With an interval of its own it comes on top of the normal one, as in training.
        if every < 0:
            return is_mem_frame, not is_mem_frame
        return state.deepened is None or state.time - state.deepened >= every, True

    def remove_objects(self, state: XMemState, ids: Sequence[int]) -> None:
        """Forget objects; without any left the video begins anew with the next prompt."""
        keep = [place for place, index in enumerate(state.object_ids) if index not in ids]
        if not keep:
            state.clear()
            return
        state.object_ids = [state.object_ids[place] for place in keep]
        state.hidden = None if state.hidden is None else state.hidden[:, keep].contiguous()
        state.memory.remove(ids)

    def memory_report(self, state: XMemState) -> MemoryReport:
        """Rows of working and long-term memory, values of all objects, positions of sensory memory, and bytes."""
        memory = state.memory
        hidden = [] if state.hidden is None else [state.hidden]
        elements = dict(
            working=memory.working,
            long_term=memory.long,
            values=sum(group.values.shape[0] * group.values.shape[1] for group in memory.groups),
            sensory=sum(h.shape[1] * h.shape[3] * h.shape[4] for h in hidden),
        )
        stored = [*memory.tensors(), *hidden]
        return MemoryReport(elements, sum(t.numel() * t.element_size() for t in stored))

    def export_parts(self, size: tuple[int, int], objects: int) -> dict[str, ExportPart]:
        """Key encoder, value encoder and decoder; see :mod:`projects.xmem.exporting`."""
        return export_parts(self, size, objects)

    def unroll(
        self, inputs: FrameInputs, plan: UnrollPlan | None = None, valid: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Predict frames 1..T-1 of clips from the masks of frame 0.

        Unlike :meth:`step` it keeps rows of the drawn frames only, consolidates nothing, reads with the full softmax,
        and may do both updates of the sensory memory in one frame.

        Args:
            inputs: ``frames`` (B, T, 3, H, W), normalised, H and W multiples of 16; ``prompt`` (B, K, H, W), masks of
                frame 0, bool or in [0, 1].
            plan: Random decisions; drawn here by default, from torch's generator on the host.
            valid: (B, K) bool, which slots are used; by default ``inputs.valid``, as the training data say, and all
                where they say nothing. A used slot may be without a pixel: it learns that its object is not there.

        Returns:
            ``logits`` (B, T-1, K, H, W) of each object for itself, large negative in empty slots; ``log_odds``
            (B, T-1, K+1, H, W), background first; ``probability`` (B, T-1, K, H, W), their softmax without background.
        """
        if inputs.prompt is None:
            raise ConfigError(
                'XMem trains from the masks of the first frame, prompt (B, K, H, W); this batch has none.'
            )
        frames = inputs.frames
        sets, count = frames.shape[:2]
        plan = plan or UnrollPlan.draw_shared(sets, count, self.references, self.deep_probability)
        # Keys do not depend on masks, so all frames go through the large backbone at once; values wait for the masks.
        features, projected = self.encode(frames.flatten(0, 1))
        levels = [level.unflatten(0, (sets, count)) for level in features]
        key, shrinkage, selection = (_clip_rows(x.unflatten(0, (sets, count))) for x in projected if x is not None)
        masks = inputs.prompt.to(frames.dtype)
        # Never guessed from pixels: a clip without object has a used slot, and learns to leave it empty.
        valid = inputs.valid if valid is None else valid
        if valid is None:
            valid = torch.ones(masks.shape[:2], dtype=torch.bool, device=masks.device)
        place = levels[2].shape[-2:]
        hidden = None
        if self.hidden_channels:
            hidden = frames.new_zeros((sets, masks.shape[1], self.hidden_channels, *place))
        # Always a deep update: the sensory memory is empty, and only the value has seen the given mask.
        value, hidden = self.memorise(frames[:, 0], levels[2][:, 0], masks, hidden, True)
        values = [value.flatten(3).permute(0, 3, 1, 2)]
        outputs: dict[str, list[Tensor]] = dict(logits=[], log_odds=[], probability=[])
        for t in range(1, count):
            index = plan.references[t - 1].to(frames.device)
            stored = _gather(torch.stack(values, 1), index)
            # The full softmax: rows beyond the top k would get no gradient, so a wrong choice could not be unlearnt.
            found = self.reader(
                _gather(key, index), _gather(shrinkage, index)[..., 0], key[:, t], selection[:, t], stored.flatten(2)
            )
            readout = found.unflatten(2, stored.shape[2:]).permute(0, 2, 3, 1).unflatten(3, place)
            # Nothing reads the state or the value of the last frame.
            lives_on = t < count - 1
            logits, hidden = self.decode([level[:, t] for level in levels], readout, hidden, lives_on)
            # float32 under autocast too: odds are clipped at 1e-7, where half precision has no 1 - p. Slots without an
            # object get the probability 0, or what is decoded there would take pixels from real objects.
            log_odds = aggregate_log_odds(torch.sigmoid(at_least_float32(logits)) * valid[..., None, None])
            # The network's own soft masks, with gradient: in inference it lives with its estimates, so training on
            # given masks would never show it an error that grows.
            masks = torch.softmax(log_odds, 1)[:, 1:]
            # An empty slot cannot win: its logit is that of the clipped probability.
            empty = torch.full_like(logits, -16.0)
            outputs['logits'].append(torch.where(valid[..., None, None], logits, empty))
            outputs['log_odds'].append(log_odds)
            outputs['probability'].append(masks)
            if lives_on:
                value, hidden = self.memorise(frames[:, t], levels[2][:, t], masks, hidden, plan.deep[t - 1])
                values.append(value.flatten(3).permute(0, 3, 1, 2))
        return {name: torch.stack(parts, 1) for name, parts in outputs.items()}


def rows_of(maps: Tensor) -> Tensor:
    """(1, C, h, w) to (h*w, C)."""
    return maps[0].flatten(1).T.contiguous()


def _clip_rows(maps: Tensor) -> Tensor:
    """(B, T, C, h, w) to (B, T, h*w, C)."""
    return maps.flatten(3).transpose(2, 3)


def _gather(rows: Tensor, index: Tensor) -> Tensor:
    """Rows (B, T, n, ...) of the frames (B, R) that each sample reads, (B, R*n, ...)."""
    batch = torch.arange(len(index), device=index.device).unsqueeze(1)
    return rows[batch, index].flatten(1, 2)
