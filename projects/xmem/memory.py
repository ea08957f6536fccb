"""Working and long-term memory of XMem: rows of keys, and values of the objects that were there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from projects.xmem.consolidation import NEW_LIFE, consolidate
from projects.xmem.rules import MemoryRules
from salseg.models.matchers.memory_reader import MemoryReader
from salseg.ops.matching import augment_keys

_COLUMNS = ('keys', 'shrinkage', 'selection', 'augmented', 'use', 'life')


@dataclass
class ObjectGroup:
    """Objects that were given in one frame.

    Attributes:
        ids: Of the objects, in the order of the values.
        since: Number of the frame that brought them.
        rows: (V,) int64 rows of the memory that hold their values, ascending.
        values: (V, K, C).
        long: How many of them are long-term.
    """

    ids: list[int]
    since: int
    rows: Tensor
    values: Tensor
    long: int = 0


class KeyValueMemory:
    """Rows of long-term memory, then rows of working memory, frame by frame.

    Attributes:
        frames: Numbers of the frames in working memory.
        long: Rows of long-term memory.
        keys: (N, C); shrinkage: (N,); selection: (N, C); augmented: (N, 2C + 1), what a similarity multiplies.
        use, life: (N,) weight a row received by reading, and how often it was there to be read.
        groups: Values by group of objects.
    """

    def __init__(self, rules: MemoryRules) -> None:
        self.rules = rules
        self.frames: list[int] = []
        self.frame_rows = 0
        self.long = 0
        self.groups: list[ObjectGroup] = []

    def __len__(self) -> int:
        return self.long + len(self.frames) * self.frame_rows

    @property
    def working(self) -> int:
        """Rows of working memory."""
        return len(self.frames) * self.frame_rows

    def append(
        self, frame: int, keys: Tensor, shrinkage: Tensor, selection: Tensor, values: Tensor, ids: Sequence[int]
    ) -> None:
        """Memorise a frame, then consolidate and evict as the rules say.

        Args:
            frame: Its number.
            keys, selection: (h*w, C).
            shrinkage: (h*w,).
            values: (h*w, K, C_v), a value per object.
            ids: Of all objects tracked, in the order of the values; those not known yet become a group.
        """
        fresh = dict(
            keys=keys, shrinkage=shrinkage, selection=selection, augmented=augment_keys(keys, shrinkage),
            use=torch.zeros_like(shrinkage), life=torch.full_like(shrinkage, NEW_LIFE),
        )  # fmt: skip
        start = len(self)
        for name, value in fresh.items():
            setattr(self, name, torch.cat([getattr(self, name), value]) if start else value)
        self.frames.append(frame)
        self.frame_rows = len(keys)
        rows = torch.arange(start, start + len(keys), device=keys.device)
        column = {index: place for place, index in enumerate(ids)}
        for group in self.groups:
            group.rows = torch.cat([group.rows, rows])
            group.values = torch.cat([group.values, values[:, [column.pop(i) for i in group.ids]]])
        if column:
            self.groups.append(ObjectGroup(list(column), frame, rows, values[:, list(column.values())].contiguous()))
        self._tidy()

    def read(self, reader: MemoryReader, queries: Tensor, selection: Tensor | None) -> Tensor:
        """(Q, K, C_v) read-out of all objects, in the order of the groups; the rows' use is counted."""
        whole = len(self)
        groups = [(None if len(g.rows) == whole else g.rows, g.values.flatten(1)) for g in self.groups]
        counting = [self.rules.long_term and (number == 0 or not self.rules.released) for number in range(len(groups))]
        found, usage = reader.read(self.augmented, queries, selection, groups, counting)
        if self.rules.long_term:
            first = 0 if self.rules.count_long_term else self.long
            self.use[first:] += usage[first:]
            self.life[first:] += 1
        return torch.cat([part.unflatten(1, g.values.shape[1:]) for part, g in zip(found, self.groups)], 1)

    def remove(self, ids: Sequence[int]) -> None:
        """Forget objects, and rows that no object needs any more."""
        for group in self.groups:
            keep = [place for place, index in enumerate(group.ids) if index not in ids]
            if len(keep) < len(group.ids):
                group.values = group.values[:, keep].contiguous()
                group.ids = [group.ids[place] for place in keep]
        self.groups = [group for group in self.groups if group.ids]
        if not len(self):
            return
        needed = torch.zeros(len(self), dtype=torch.bool, device=self.keys.device)
        for group in self.groups:
            needed[group.rows] = True
        self.keep_rows(needed)

    def anchors(self) -> list[bool]:
        """Which frames of working memory are never consolidated: the first one, or the first one of every group."""
        if self.rules.released:
            return [place == 0 for place in range(len(self.frames))]
        first = {group.since for group in self.groups}
        return [frame in first for frame in self.frames]

    def old_rows(self) -> Tensor:
        """Rows of working memory that may be consolidated: neither anchors nor the last ``min_frames - 1`` frames."""
        recent = len(self.frames) - (self.rules.min_frames - 1)
        old = [place < recent and not anchor for place, anchor in enumerate(self.anchors())]
        flags = torch.tensor(old, device=self.keys.device).repeat_interleave(self.frame_rows)
        return flags.nonzero().squeeze(1) + self.long

    def _tidy(self) -> None:
        rules = self.rules
        if sum(not anchor for anchor in self.anchors()) + 1 < rules.max_frames:
            return
        if rules.long_term:
            self._evict()
            consolidate(self)
        elif not rules.released:
            needed = torch.ones(len(self), dtype=torch.bool, device=self.keys.device)
            needed[self.old_rows()[: self.frame_rows]] = False
            self.keep_rows(needed)

    def _evict(self) -> None:
        """Make room for the next prototypes: drop the long-term rows of least use, of equal ones the oldest."""
        surplus = self.long - (self.rules.max_long_term - self.rules.prototypes)
        if surplus <= 0:
            return
        least = torch.argsort(self.use[: self.long] / self.life[: self.long], stable=True)[:surplus]
        needed = torch.ones(len(self), dtype=torch.bool, device=self.keys.device)
        needed[least] = False
        self.keep_rows(needed)

    def keep_rows(self, needed: Tensor) -> None:
        """Drop rows with the values of all groups that hold them.

        Args:
            needed: (N,) bool; constant over the rows of a frame of working memory.
        """
        place = needed.cumsum(0) - 1
        old_long = self.long
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[needed])
        for group in self.groups:
            kept = needed[group.rows]
            group.long = int((kept & (group.rows < old_long)).sum())
            group.rows = place[group.rows[kept]]
            group.values = group.values[kept]
        self.long = int(needed[:old_long].sum())
        starts = needed[old_long :: self.frame_rows] if self.frame_rows else []
        self.frames = [frame for frame, kept in zip(self.frames, starts) if kept]

    def tensors(self) -> list[Tensor]:
        """All that is stored."""
        columns = [getattr(self, name) for name in _COLUMNS] if len(self) else []
        return [*columns, *(tensor for group in self.groups for tensor in (group.rows, group.values))]

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        columns = {name: getattr(self, name) for name in _COLUMNS} if len(self) else {}
        groups = [dict(vars(group)) for group in self.groups]
        return dict(frames=self.frames, frame_rows=self.frame_rows, long=self.long, columns=columns, groups=groups)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.frames, self.frame_rows, self.long = list(state['frames']), state['frame_rows'], state['long']
        for name, value in state['columns'].items():
            setattr(self, name, value)
        self.groups = [ObjectGroup(**group) for group in state['groups']]
