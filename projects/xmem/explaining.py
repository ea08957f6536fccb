"""Where XMem's read-out comes from."""

from typing import Any

import torch
from torch import Tensor

from projects.xmem.memory import KeyValueMemory, ObjectGroup, XMemState
from projects.xmem.xmem import STRIDE, XMem, rows_of
from salseg.models.explainers import TrackingExplainer, View, unpadded
from salseg.models.segmentors import BaseSegmentor
from salseg.ops.geometry import even_padding, map_size, pad_frames
from salseg.ops.matching import augment_queries
from salseg.propagation import Prompt
from salseg.registry import EXPLAINERS

LONG_TERM = -1


@EXPLAINERS.register_module()
class ReadoutExplainer(TrackingExplainer):
    """Which frame in memory each position reads most of (XMem, section 3.3)."""

    what = 'readout'
    shows = (
        'the frame in memory that each position reads most of (counted from 0; long-term memory has a colour of its own), '
        'and how much of what it reads comes from there and from long-term memory'
    )

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        # The memory counts from the frame of the first prompt.
        self.count, self.start = 0, 0

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """XMem."""
        return isinstance(model, XMem)

    def explain_frame(self, frame: Tensor, state: XMemState, prompt: Prompt | None) -> dict[str, View]:
        """``source``, ``fraction`` and ``long_term``; of objects that came later a group of views of their own."""
        views: dict[str, View] = {}
        if state.object_ids:
            views = self._views(frame, state)
        elif prompt is not None:
            self.start = self.count
        self.count += 1
        return views

    def _views(self, frame: Tensor, state: XMemState) -> dict[str, View]:
        model, memory = self.model, state.memory
        pad = even_padding(map_size(frame), STRIDE)
        _, (key, _, selection) = model.encode(pad_frames(frame, pad).unsqueeze(0), False, True)
        query = augment_queries(rows_of(key), None if selection is None else rows_of(selection))
        kinds = dict(enumerate(group.rows for group in memory.groups))
        chosen = model.reader.chosen_rows(memory.columns.augmented, query, kinds)
        views = {}
        for number, group in enumerate(memory.groups):
            fractions, frames = source_fractions(memory, group, *chosen[number])
            most = fractions.max(1)
            columns = dict(source=frames[most.indices].to(key), fraction=most.values, long_term=fractions[:, 0])
            ids, suffix = ','.join(map(str, group.ids)), f'_{number + 1}' if number else ''
            for name, values in columns.items():
                index = name == 'source'
                grid = values.reshape(1, *key.shape[-2:])
                whole = unpadded(grid, pad, map_size(frame), 'nearest' if index else 'bilinear')
                if index:
                    whole = torch.where(whole < 0, whole, whole + self.start)
                limits = (0.0, float(max(1, self.count))) if index else (0.0, 1.0)
                views[name + suffix] = View(
                    f'{ids}: {name.replace("_", "-")}', whole, 'index' if index else 'map', limits
                )
        return views


def source_fractions(
    memory: KeyValueMemory, group: ObjectGroup, weights: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    """How much of what each query reads comes from each frame.

    Args:
        memory: The memory.
        group: Whose rows were read.
        weights, places: (Q, k), see :meth:`MemoryReader.chosen_rows`.

    Returns:
        Fractions (Q, 1 + F), rows sum to 1, and the numbers of the frames (1 + F,); the first is long-term memory.
    """
    rows = group.rows[places]
    column = torch.where(rows < memory.long, 0, (rows - memory.long) // memory.frame_rows + 1)
    fractions = weights.new_zeros(len(weights), 1 + len(memory.frames)).scatter_add_(1, column, weights)
    return fractions, torch.tensor([LONG_TERM, *memory.frames], device=weights.device)
