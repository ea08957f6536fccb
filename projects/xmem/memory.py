"""What XMem remembers of a video: sensory memory, working memory of whole frames, long-term memory of prototypes.

Read from the top: what is stored of a position (:class:`MemoryTable`), whose values stand behind it (:class:`ObjectGroup`),
the store that is written, read and kept small (:class:`KeyValueMemory`), how old frames become prototypes
(:func:`consolidate`), and the state of a video around it (:class:`XMemState`).

Shapes: N rows in memory, Q queries, C channels of a key, C_v of a value, K objects, h x w positions of a frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from projects.xmem.config import MemoryRules
from salseg.models.matchers.memory_reader import MemoryReader
from salseg.ops.matching import anisotropic_similarity, augment_keys

# Life of a row that was never read: its use is 0, and 0 / NEW_LIFE ranks it last without a division by zero.
NEW_LIFE = 1e-7


@dataclass
class MemoryTable:
    """What is stored of each position, one row for all objects; values are in the groups, which lack some rows."""

    # (N, C), where a row is. Kept beside `augmented`, since a consolidation uses keys as queries.
    keys: Tensor
    # (N,), s >= 1: how fast a row's similarity falls with the distance, so how narrowly it is read.
    shrinkage: Tensor
    # (N, C) in (0, 1), of the frame when it was itself the query: a prototype gathers values the way it would have
    # read them. Prototypes are not consolidated again, so theirs is 0.
    selection: Tensor
    # (N, 2C + 1), the memory's factor of the similarity: made once here instead of for each frame that reads.
    augmented: Tensor
    # (N,), weight received by all reads. What was read much will be read again: it decides who becomes a prototype.
    use: Tensor
    # (N,), reads that could have chosen the row. Use is compared per read, or old rows would win by their age.
    life: Tensor

    @classmethod
    def unread(cls, keys: Tensor, shrinkage: Tensor, selection: Tensor) -> MemoryTable:
        """Rows that nobody has read yet: keys and selection (N, C), shrinkage (N,)."""
        use, life = torch.zeros_like(shrinkage), torch.full_like(shrinkage, NEW_LIFE)
        return cls(keys, shrinkage, selection, augment_keys(keys, shrinkage), use, life)

    @classmethod
    def joined(cls, parts: Sequence[MemoryTable]) -> MemoryTable:
        """All rows of the parts, in order."""
        return cls(*(torch.cat(column) for column in zip(*(vars(part).values() for part in parts))))

    def __getitem__(self, rows: Tensor | slice) -> MemoryTable:
        return MemoryTable(*(column[rows] for column in vars(self).values()))


@dataclass
class ObjectGroup:
    """Objects that were given in one frame.

    They share their rows: an object that came later has no value in earlier frames, and a value of zeros there would
    be read as evidence against it. So similarities of a group run over its own rows.

    Attributes:
        ids: Of the objects, in the order of the values.
        since: Number of the frame that brought them.
        rows: (V,) int64 rows of the memory that hold their values, ascending.
        values: (V, K, C_v).
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
        columns: What is stored of each row; there once the first frame is.
        frames: Numbers of the frames in working memory.
        permanent: Numbers of those that are never consolidated or evicted: corrected ones, and those a user chose.
        frame_rows: Rows of one frame, h * w.
        long: Rows of long-term memory.
        groups: Values by group of objects.
    """

    columns: MemoryTable

    def __init__(self, rules: MemoryRules) -> None:
        self.rules = rules
        self.frames: list[int] = []
        self.permanent: list[int] = []
        self.frame_rows = 0
        self.long = 0
        self.groups: list[ObjectGroup] = []

    def __len__(self) -> int:
        return self.long + self.working

    @property
    def working(self) -> int:
        """Rows of working memory."""
        return len(self.frames) * self.frame_rows

    def append(
        self,
        frame: int,
        keys: Tensor,
        shrinkage: Tensor,
        selection: Tensor,
        values: Tensor,
        ids: Sequence[int],
        permanent: bool = False,
    ) -> None:
        """Memorise a frame, then consolidate and evict as the rules say.

        Args:
            frame: Its number.
            keys, selection: (h*w, C).
            shrinkage: (h*w,).
            values: (h*w, K, C_v), a value per object.
            ids: Of all objects tracked, in the order of the values; those not known yet become a group.
            permanent: Whether the frame stays in working memory, whatever follows.
        """
        start = len(self)
        fresh = MemoryTable.unread(keys, shrinkage, selection)
        self.columns = MemoryTable.joined([self.columns, fresh]) if start else fresh
        self.frames.append(frame)
        if permanent:
            self.permanent.append(frame)
        self.frame_rows = len(keys)
        rows = torch.arange(start, start + len(keys), device=keys.device)
        # Groups take theirs by id; what is left is new, so that no second list of known objects can disagree.
        column = {index: place for place, index in enumerate(ids)}
        for group in self.groups:
            group.rows = torch.cat([group.rows, rows])
            group.values = torch.cat([group.values, values[:, [column.pop(i) for i in group.ids]]])
        if column:
            self.groups.append(ObjectGroup(list(column), frame, rows, values[:, list(column.values())].contiguous()))
        # After writing, so that between two frames the bounds of the rules hold.
        self._consolidate_or_evict()

    def read(self, reader: MemoryReader, queries: Tensor, selection: Tensor | None) -> Tensor:
        """(Q, K, C_v) read-out of all objects, in the order of the groups; the rows' use is counted."""
        whole = len(self)
        # None for a group that has every row, as all have in most videos: the reader then ranks the rows only once.
        groups = [(None if len(g.rows) == whole else g.rows, g.values.flatten(1)) for g in self.groups]
        # The released code counts the first group alone; what only later objects read would be dropped first.
        counting = [self.rules.long_term and (number == 0 or not self.rules.released) for number in range(len(groups))]
        found, usage = reader.read(self.columns.augmented, queries, selection, groups, counting)
        if self.rules.long_term:
            # Uncounted prototypes all keep the use 0, so that eviction, which is stable, drops the oldest.
            first = 0 if self.rules.count_long_term else self.long
            self.columns.use[first:] += usage[first:]
            self.columns.life[first:] += 1
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
        # Frames from before the oldest group that is left: nobody reads them, but they would count as frames and
        # push others into long-term memory.
        needed = torch.zeros(len(self), dtype=torch.bool, device=self.columns.keys.device)
        for group in self.groups:
            needed[group.rows] = True
        self.keep_rows(needed)

    def anchors(self) -> list[bool]:
        """Which frames of working memory are never consolidated: the first one of every group, and permanent ones.

        With the released bookkeeping the very first frame alone.
        """
        if self.rules.released:
            return [place == 0 for place in range(len(self.frames))]
        # The masks of a group's first frame and of a corrected one were given. All others are estimates, which drift.
        kept = {group.since for group in self.groups} | set(self.permanent)
        return [frame in kept for frame in self.frames]

    def old_rows(self) -> Tensor:
        """Rows of working memory that may be consolidated: neither anchors nor the last ``min_frames - 1`` frames."""
        # The newest frames resemble the next one most, and have been read too seldom for their use to mean anything.
        recent = len(self.frames) - (self.rules.min_frames - 1)
        old = [place < recent and not anchor for place, anchor in enumerate(self.anchors())]
        flags = torch.tensor(old, device=self.columns.keys.device).repeat_interleave(self.frame_rows)
        return flags.nonzero().squeeze(1) + self.long

    def _consolidate_or_evict(self) -> None:
        rules = self.rules
        # All anchors together count as one frame, as in the released code, which has only one: with the others counted
        # too, many groups would leave no room for recent frames.
        if sum(not anchor for anchor in self.anchors()) + 1 < rules.max_frames:
            return
        if rules.long_term:
            # First room, then prototypes: these have no use yet and would be the first to be evicted.
            self._evict()
            consolidate(self)
        elif not rules.released:
            needed = torch.ones(len(self), dtype=torch.bool, device=self.columns.keys.device)
            needed[self.old_rows()[: self.frame_rows]] = False
            self.keep_rows(needed)

    def _evict(self) -> None:
        """Make room for the next prototypes: drop the long-term rows of least use, of equal ones the oldest."""
        surplus = self.long - (self.rules.max_long_term - self.rules.prototypes)
        if surplus <= 0:
            return
        # A number of rows and no threshold on the use: that drops all rows that share the last value (released code),
        # which is every row as long as none was read.
        usage = self.columns.use[: self.long] / self.columns.life[: self.long]
        least = torch.argsort(usage, stable=True)[:surplus]
        needed = torch.ones(len(self), dtype=torch.bool, device=self.columns.keys.device)
        needed[least] = False
        self.keep_rows(needed)

    def keep_rows(self, needed: Tensor) -> None:
        """Drop rows with the values of all groups that hold them.

        Args:
            needed: (N,) bool; constant over the rows of a frame of working memory.
        """
        place = needed.cumsum(0) - 1
        old_long = self.long
        self.columns = self.columns[needed]
        for group in self.groups:
            kept = needed[group.rows]
            # Counted before the rows get their new numbers: `old_long` belongs to the old ones.
            group.long = int((kept & (group.rows < old_long)).sum())
            group.rows = place[group.rows[kept]]
            group.values = group.values[kept]
        self.long = int(needed[:old_long].sum())
        # A frame stays or goes as a whole, so its first row speaks for it.
        starts = needed[old_long :: self.frame_rows].tolist() if self.frame_rows else []
        self.frames = [frame for frame, kept in zip(self.frames, starts) if kept]
        self.permanent = [frame for frame in self.permanent if frame in self.frames]

    def tensors(self) -> list[Tensor]:
        """All that is stored."""
        columns = list(vars(self.columns).values()) if len(self) else []
        return [*columns, *(tensor for group in self.groups for tensor in (group.rows, group.values))]

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        columns = dict(vars(self.columns)) if len(self) else {}
        groups = [dict(vars(group)) for group in self.groups]
        numbers = dict(frames=self.frames, permanent=self.permanent, frame_rows=self.frame_rows, long=self.long)
        return dict(numbers, columns=columns, groups=groups)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.frames, self.frame_rows, self.long = list(state['frames']), state['frame_rows'], state['long']
        self.permanent = list(state['permanent'])
        if state['columns']:
            self.columns = MemoryTable(**state['columns'])
        self.groups = [ObjectGroup(**group) for group in state['groups']]


def consolidate(memory: KeyValueMemory) -> None:
    """Move the most used old rows to long-term memory, with values gathered from all old rows (XMem, section 3.6)."""
    old = memory.old_rows()
    if not len(old):
        return
    columns = memory.columns[old]
    usage = columns.use / columns.life
    # In order of their use, as released: of equal rows an eviction drops the first, so the order is part of the result.
    chosen = usage.topk(min(memory.rules.prototypes, len(old)), sorted=True).indices
    keys = columns.keys[chosen]
    # Potentiation: a prototype keeps its key, but its value is what its own query would have read from all old rows.
    # The bare values of a few chosen rows would be a sample without a filter before it, and alias.
    similarity = anisotropic_similarity(columns.keys, keys, columns.shrinkage, columns.selection[chosen])
    consolidated = [_prototype_values(memory, group, old, chosen, similarity) for group in memory.groups]
    _replace(memory, old, keys, torch.softmax(similarity, 1) @ columns.shrinkage, consolidated)


def _prototype_values(
    memory: KeyValueMemory, group: ObjectGroup, old: Tensor, chosen: Tensor, similarity: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which prototypes a group has, their values, and which of its stored values continue."""
    own, has = (_released_rows if memory.rules.released else _aligned_rows)(memory, group, old)
    # A group that came later was not there when some prototypes were seen: for those it gets no value.
    valid = has[chosen]
    # A softmax over the group's own rows, so that its weights sum to 1 also where it lacks the nearest ones.
    weights = torch.softmax(similarity[valid][:, has], 1).to(group.values)
    values = (weights @ group.values[own[has]].flatten(1)).unflatten(1, group.values.shape[1:])
    stays = torch.ones(len(group.rows), dtype=torch.bool, device=old.device)
    stays[_leaving(memory, group, own[has])] = False
    return valid.nonzero().squeeze(1), values, stays


def _aligned_rows(memory: KeyValueMemory, group: ObjectGroup, old: Tensor) -> tuple[Tensor, Tensor]:
    """Where a group keeps its values of the old rows, and which of these rows it has."""
    place = torch.full((len(memory),), -1, dtype=torch.int64, device=old.device)
    place[group.rows] = torch.arange(len(group.rows), device=old.device)
    own = place[old]
    return own, own >= 0


def _released_rows(memory: KeyValueMemory, group: ObjectGroup, old: Tensor) -> tuple[Tensor, Tensor]:
    """The same by the released bookkeeping: a group's own first frame stays whatever its key, the tail takes part."""
    rows, stored = memory.frame_rows, len(group.rows) - group.long
    count = stored - memory.rules.min_frames * rows
    # Strictly more: with a single frame to give, that code skips a later group, and then loses the frame (`_leaving`).
    takes_part = stored == memory.working or stored > (memory.rules.min_frames + 1) * rows
    count = max(0, count) if takes_part else 0
    own = torch.full((len(old),), -1, dtype=torch.int64, device=old.device)
    if count:
        own[-count:] = group.long + rows + torch.arange(count, device=old.device)
    return own, own >= 0


def _leaving(memory: KeyValueMemory, group: ObjectGroup, used: Tensor) -> Tensor:
    """Stored values that leave working memory. The released code drops a frame of a group that took no part."""
    # Its test for removing is "at least", the one for taking part "more than": at equality values are lost.
    if memory.rules.released and len(group.rows) - group.long == (memory.rules.min_frames + 1) * memory.frame_rows:
        start = group.long + memory.frame_rows
        return torch.arange(start, start + memory.frame_rows, device=used.device)
    return used


def _replace(
    memory: KeyValueMemory,
    old: Tensor,
    keys: Tensor,
    shrinkage: Tensor,
    consolidated: list[tuple[Tensor, Tensor, Tensor]],
) -> None:
    """Put prototypes behind long-term memory and take the old rows out."""
    count, long, columns = len(keys), memory.long, memory.columns
    prototypes = MemoryTable.unread(keys, shrinkage, torch.zeros_like(keys))
    stays = torch.ones(len(memory), dtype=torch.bool, device=old.device)
    stays[old] = False
    place = stays.cumsum(0) - 1
    # Working memory moves up by the prototypes that are put in front of it.
    place[long:] += count
    memory.columns = MemoryTable.joined([columns[:long], prototypes, columns[long:][stays[long:]]])
    memory.frames = [f for f, keep in zip(memory.frames, stays[long :: memory.frame_rows].tolist()) if keep]
    memory.long += count
    for group, (valid, values, kept) in zip(memory.groups, consolidated):
        rest = group.values[group.long :][kept[group.long :]]
        rows = group.rows[group.long :][kept[group.long :]]
        group.values = torch.cat([group.values[: group.long], values, rest])
        group.rows = torch.cat([group.rows[: group.long], valid + long, place[rows]])
        group.long += len(valid)
        if memory.rules.released:
            group.rows = _newest_rows(memory, group)


def _newest_rows(memory: KeyValueMemory, group: ObjectGroup) -> Tensor:
    """The released reading of whose rows a later group's values are: the newest of long-term and of working memory."""
    # It stores no rows and counts from the end. Right before the first consolidation; after it a later group's first
    # frame stands under the key of the video's first frame.
    stored = len(group.values) - group.long
    device = group.values.device
    long = torch.arange(memory.long - group.long, memory.long, device=device)
    return torch.cat([long, torch.arange(len(memory) - stored, len(memory), device=device)])


@dataclass
class XMemState:
    """State of one video between two frames.

    Attributes:
        memory: Working and long-term memory.
        object_ids: Of the objects tracked, in the order of all tensors.
        time: Number of the last frame, from 0 with the first prompt; -1 before.
        memorised: Number of the last memorised frame.
        deepened: Number of the frame of the last deep update; None before the first.
        hidden: Sensory memory (1, K, C_h, h, w); None without objects or without sensory memory.
    """

    memory: KeyValueMemory
    object_ids: list[int] = field(default_factory=list)
    time: int = -1
    memorised: int = 0
    deepened: int | None = None
    hidden: Tensor | None = None

    @classmethod
    def empty(cls, rules: MemoryRules) -> XMemState:
        """Before the first prompt."""
        return cls(KeyValueMemory(rules))

    def clear(self) -> None:
        """Back to the state before the first prompt."""
        self.memory = KeyValueMemory(self.memory.rules)
        self.object_ids, self.hidden = [], None
        self.time, self.memorised, self.deepened = -1, 0, None

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        names = ('object_ids', 'time', 'memorised', 'deepened', 'hidden')
        return {'memory': self.memory.state_dict(), **{name: getattr(self, name) for name in names}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.memory.load_state_dict(state['memory'])
        for name in ('object_ids', 'time', 'memorised', 'deepened', 'hidden'):
            setattr(self, name, state[name])

    def grow_hidden(self, count: int, shape: tuple[int, int, int], like: Tensor) -> None:
        """Give every object a sensory memory; new ones start with zeros."""
        # Appended, as new ids are: all tensors of a state have the objects in one order.
        known = 0 if self.hidden is None else self.hidden.shape[1]
        if count > known:
            new = like.new_zeros((1, count - known, *shape))
            self.hidden = new if self.hidden is None else torch.cat([self.hidden, new], 1)
