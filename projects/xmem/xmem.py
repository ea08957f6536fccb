"""XMem: video object segmentation with three memories (Cheng and Schwing, ECCV 2022)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from projects.xmem.decoder import Decoder
from projects.xmem.encoders import KeyProjection, ValueEncoder
from projects.xmem.exporting import export_parts
from projects.xmem.rules import MemoryRules
from projects.xmem.state import XMemState
from projects.xmem.unrolling import UnrollPlan, unroll_clip
from salseg.errors import ConfigError
from salseg.models.matchers.memory_reader import MemoryReader
from salseg.models.segmentors.base import Parts, build_part
from salseg.models.segmentors.propagation_segmentor import PropagationSegmentor
from salseg.ops.geometry import cut_padding, even_padding, pad_frames
from salseg.ops.soft_aggregation import aggregate
from salseg.propagation import FrameResult, MemoryReport, Prompt, merge_prompt
from salseg.registry import SEGMENTORS
from salseg.structures import ExportPart, FrameInputs

STRIDE = 16
Part = Mapping[str, Any] | nn.Module


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
        self.key_encoder = build_part(key_backbone)
        value = build_part(value_backbone)
        if tuple(self.key_encoder.strides) != (4, 8, 16) or value.strides[-1] != STRIDE:
            raise ConfigError(
                f'XMem: key_backbone has the strides {self.key_encoder.strides}, value_backbone ends at '
                f'{value.strides[-1]}; '
                'expected (4, 8, 16) and 16. Choose levels with out_indices.'
            )
        widths = tuple(self.key_encoder.channels)
        self.key_projection = KeyProjection(widths[2], key_channels)
        self.value_encoder = ValueEncoder(value, widths[2], value_channels, hidden_channels, others, pad_missing)
        self.decoder = Decoder(widths, value_channels, hidden_channels, decoder_channels)
        self.reader: MemoryReader = build_part(reader)
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
        """Answer for one frame (3, H, W), normalised, of any size (the same through a video)."""
        if prompt is None and not state.object_ids:
            return FrameResult(frame.new_ones((1, *frame.shape[1:])), ())
        pad = even_padding(tuple(frame.shape[-2:]), STRIDE)
        image = pad_frames(frame, pad).unsqueeze(0)
        state.time += 1
        rules = self.rules
        keep = not last and (prompt is not None or state.time - state.memorised >= rules.mem_every)
        deep = not last and (keep if rules.deep_every < 0 else self._deep_due(state))
        update = not last and (rules.deep_every > 0 or not deep)
        known = list(state.object_ids)
        ids = known if prompt is None else known + [i for i in prompt.ids if i not in known]
        segment = state.time > 0 and (prompt is None or len(prompt.ids) < len(ids))
        features, (key, shrinkage, selection) = self.encode(image, keep, rules.long_term or segment)
        probability = None
        if segment:
            readout = self.read(state, key, selection)
            logits, hidden = self.decode(features, readout, state.hidden, update)
            state.hidden = hidden if update else state.hidden
            probability = aggregate(torch.sigmoid(logits[0]))
        if prompt is not None:
            given = pad_frames(prompt.masks, pad).to(frame.dtype)
            probability = aggregate(merge_prompt(probability, given, known, prompt.ids, ids))
            state.object_ids = ids
            if self.hidden_channels:
                state.grow_hidden(len(ids), (self.hidden_channels, *key.shape[-2:]), key)
        if keep:
            value, hidden = self.memorise(image, features[2], probability[None, 1:], state.hidden, deep)
            chosen = torch.ones_like(key) if selection is None else selection
            values = value[0].flatten(2).permute(2, 0, 1)
            state.memory.append(state.time, rows_of(key), rows_of(shrinkage)[:, 0], rows_of(chosen), values, ids)
            state.memorised = state.time
            if deep:
                state.hidden, state.deepened = hidden, state.time
        return FrameResult(cut_padding(probability, pad), tuple(ids))

    def _deep_due(self, state: XMemState) -> bool:
        return state.deepened is None or state.time - state.deepened >= self.rules.deep_every

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

    def unroll(self, inputs: FrameInputs, plan: UnrollPlan | None = None) -> dict[str, Tensor]:
        """Outputs of a training clip; see :func:`unroll_clip`.

        Args:
            inputs: ``frames`` (B, T, 3, H, W), ``prompt`` (B, K, H, W) masks of the first frame.
            plan: Random decisions; drawn here by default, from torch's generator on the host.
        """
        if inputs.prompt is None:
            raise ConfigError(
                'XMem trains from the masks of the first frame, prompt (B, K, H, W); this batch has none.'
            )
        if plan is None:
            plan = UnrollPlan.draw(*inputs.frames.shape[:2], self.references, self.deep_probability)
        return unroll_clip(self, inputs.frames, inputs.prompt, plan)


def rows_of(maps: Tensor) -> Tensor:
    """(1, C, h, w) to (h*w, C)."""
    return maps[0].flatten(1).T.contiguous()
