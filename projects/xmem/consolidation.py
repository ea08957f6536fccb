"""Old frames of working memory become a few prototypes of long-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from salseg.ops.matching import anisotropic_similarity, augment_keys

if TYPE_CHECKING:
    from projects.xmem.memory import KeyValueMemory, ObjectGroup

# Life of a row that was never read: its usage is 0 / NEW_LIFE.
NEW_LIFE = 1e-7


def consolidate(memory: KeyValueMemory) -> None:
    """Move the most used old rows to long-term memory, with values gathered from all old rows (XMem, section 3.6)."""
    old = memory.old_rows()
    if not len(old):
        return
    usage = memory.use[old] / memory.life[old]
    chosen = usage.topk(min(memory.rules.prototypes, len(old)), sorted=True).indices
    keys, shrinkage = memory.keys[old], memory.shrinkage[old]
    similarity = anisotropic_similarity(keys, keys[chosen], shrinkage, memory.selection[old][chosen])
    consolidated = [_prototype_values(memory, group, old, chosen, similarity) for group in memory.groups]
    _replace(memory, old, keys[chosen], torch.softmax(similarity, 1) @ shrinkage, consolidated)


def _prototype_values(
    memory: KeyValueMemory, group: ObjectGroup, old: Tensor, chosen: Tensor, similarity: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Which prototypes a group has, their values, and which of its stored values continue."""
    own, has = (_released_share if memory.rules.released else _aligned_share)(memory, group, old)
    valid = has[chosen]
    weights = torch.softmax(similarity[valid][:, has], 1).to(group.values)
    values = (weights @ group.values[own[has]].flatten(1)).unflatten(1, group.values.shape[1:])
    stays = torch.ones(len(group.rows), dtype=torch.bool, device=old.device)
    stays[_leaving(memory, group, own[has])] = False
    return valid.nonzero().squeeze(1), values, stays


def _aligned_share(memory: KeyValueMemory, group: ObjectGroup, old: Tensor) -> tuple[Tensor, Tensor]:
    """Where a group keeps its values of the old rows, and which of these rows it has."""
    place = torch.full((len(memory),), -1, dtype=torch.int64, device=old.device)
    place[group.rows] = torch.arange(len(group.rows), device=old.device)
    own = place[old]
    return own, own >= 0


def _released_share(memory: KeyValueMemory, group: ObjectGroup, old: Tensor) -> tuple[Tensor, Tensor]:
    """The same by the released bookkeeping: a group's own first frame stays whatever its key, the tail takes part."""
    rows, stored = memory.frame_rows, len(group.rows) - group.long
    count = stored - memory.rules.min_frames * rows
    takes_part = stored == memory.working or stored > (memory.rules.min_frames + 1) * rows
    count = max(0, count) if takes_part else 0
    own = torch.full((len(old),), -1, dtype=torch.int64, device=old.device)
    if count:
        own[-count:] = group.long + rows + torch.arange(count, device=old.device)
    return own, own >= 0


def _leaving(memory: KeyValueMemory, group: ObjectGroup, used: Tensor) -> Tensor:
    """Stored values that leave working memory. The released code drops a frame of a group that took no part."""
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
    count, long = len(keys), memory.long
    fresh = dict(
        keys=keys, shrinkage=shrinkage, selection=torch.zeros_like(keys), augmented=augment_keys(keys, shrinkage),
        use=torch.zeros_like(shrinkage), life=torch.full_like(shrinkage, NEW_LIFE),
    )  # fmt: skip
    stays = torch.ones(len(memory), dtype=torch.bool, device=old.device)
    stays[old] = False
    place = stays.cumsum(0) - 1
    place[long:] += count
    for name, value in fresh.items():
        column = getattr(memory, name)
        setattr(memory, name, torch.cat([column[:long], value, column[long:][stays[long:]]]))
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
    stored = len(group.values) - group.long
    device = group.values.device
    long = torch.arange(memory.long - group.long, memory.long, device=device)
    return torch.cat([long, torch.arange(len(memory) - stored, len(memory), device=device)])
