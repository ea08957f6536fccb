"""XMem on a training clip: what it remembers there is drawn at random, and nothing is consolidated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from salseg.ops.soft_aggregation import aggregate_log_odds

if TYPE_CHECKING:
    from projects.xmem.xmem import XMem


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
    ) -> UnrollPlan:
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
            if t <= references:
                rows.append(torch.arange(t).repeat(batch, 1))
            else:
                some = [torch.randperm(t - 1, generator=generator)[: references - 1] + 1 for _ in range(batch)]
                rows.append(torch.cat([torch.zeros(batch, 1, dtype=torch.int64), torch.stack(some)], 1))
            deep.append(bool(torch.rand((), generator=generator) < deep_probability))
        return cls(tuple(rows), tuple(deep))


def unroll_clip(model: XMem, frames: Tensor, prompt: Tensor, plan: UnrollPlan) -> dict[str, Tensor]:
    """Predict frames 1..T-1 of clips from the masks of frame 0.

    Read with the full softmax; predicted soft masks are memorised in turn. Both updates of the sensory memory can
    happen in one step, unlike in inference.

    Args:
        model: Its verbs are used.
        frames: (B, T, 3, H, W), normalised; H and W multiples of 16.
        prompt: (B, K, H, W) masks of frame 0, bool or in [0, 1]; a slot without a pixel holds no object.
        plan: Random decisions.

    Returns:
        ``logits`` (B, T-1, K, H, W) of each object for itself, large negative in empty slots; ``log_odds``
        (B, T-1, K+1, H, W), background first; ``probability`` (B, T-1, K, H, W), their softmax without background.
    """
    sets, count = frames.shape[:2]
    features, (key, shrinkage, selection) = model.encode(frames.flatten(0, 1))
    levels = [level.unflatten(0, (sets, count)) for level in features]
    key, shrinkage, selection = (_rows(x.unflatten(0, (sets, count))) for x in (key, shrinkage, selection))
    masks = prompt.to(frames.dtype)
    valid = masks.flatten(2).amax(2) > 0
    place = levels[2].shape[-2:]
    hidden = frames.new_zeros((sets, masks.shape[1], model.hidden_channels, *place)) if model.hidden_channels else None
    value, hidden = model.memorise(frames[:, 0], levels[2][:, 0], masks, hidden, True)
    values = [value.flatten(3).permute(0, 3, 1, 2)]
    outputs: dict[str, list[Tensor]] = dict(logits=[], log_odds=[], probability=[])
    for t in range(1, count):
        index = plan.references[t - 1].to(frames.device)
        stored = _gather(torch.stack(values, 1), index)
        found = model.reader(
            _gather(key, index), _gather(shrinkage, index)[..., 0], key[:, t], selection[:, t], stored.flatten(2)
        )
        readout = found.unflatten(2, stored.shape[2:]).permute(0, 2, 3, 1).unflatten(3, place)
        logits, hidden = model.decode([level[:, t] for level in levels], readout, hidden, t < count - 1)
        log_odds = aggregate_log_odds(torch.sigmoid(logits.float()) * valid[..., None, None])
        masks = torch.softmax(log_odds, 1)[:, 1:]
        # An empty slot cannot win: its logit is that of the clipped probability.
        empty = torch.full_like(logits, -16.0)
        outputs['logits'].append(torch.where(valid[..., None, None], logits, empty))
        outputs['log_odds'].append(log_odds)
        outputs['probability'].append(masks)
        if t < count - 1:
            value, hidden = model.memorise(frames[:, t], levels[2][:, t], masks, hidden, plan.deep[t - 1])
            values.append(value.flatten(3).permute(0, 3, 1, 2))
    return {name: torch.stack(parts, 1) for name, parts in outputs.items()}


def _rows(maps: Tensor) -> Tensor:
    """(B, T, C, h, w) to (B, T, h*w, C)."""
    return maps.flatten(3).transpose(2, 3)


def _gather(rows: Tensor, index: Tensor) -> Tensor:
    """Rows (B, T, n, ...) of the frames (B, R) that each sample reads, (B, R*n, ...)."""
    batch = torch.arange(len(index), device=index.device).unsqueeze(1)
    return rows[batch, index].flatten(1, 2)
