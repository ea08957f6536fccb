"""What the images of a group share, found by letting every image vote."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg import ops
from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import init_kaiming
from salseg.ops.precision import full_precision
from salseg.registry import MATCHERS

_OPTIONS = dict(
    rectify=('eval', 'always', 'never'),
    ties=('sum', 'first'),
    parts=('residual', 'seeds', 'responses'),
    start=('random', 'identity'),
)


@MATCHERS.register_module()
class DemocraticPrototype(nn.Module):
    """Democratic prototype generation of DCFM (CVPR 2022; thesis section 5.2.2) on the coarsest map.

    A residual convolution, one seed position per image, the mean correlation with all seeds as response, and one
    prototype per group. The coarsest map becomes itself times the prototype plus itself times the response (thesis eq.
    5.17).

    No gradient reaches the two convolutions that choose the seeds, in the released code either; here they do not ask
    for one, so that distributed training does not wait for it and weight decay cannot shrink them.

    Args:
        channels: Of the coarsest map.
        rectify: When negative correlations are set to 0: 'eval' as the released code does (training does not, so the
            trained map is not quite the tested one), 'always', or 'never' (the thesis).
        ties: 'sum' adds the vectors of all positions that tie for seed, as the released code does: an image without
            any structure then outweighs all others. 'first' takes one.
        stretch_epsilon: Added to the range of a response before it is stretched to [0, 1]; the released code has 1e-12.
            None leaves the response as it is (the thesis).
        start: 'random', as released: queries and keys stay the random projections that they start as, so it is chance
            which agreement chooses the seeds. 'identity': they are the features themselves, and the residual
            convolution starts at 0; for features that tell kinds of things apart already.
        parts: How much of the module acts (thesis table 5.3): 'residual' only the convolution; 'seeds' also the seeds,
            whose mean is the prototype; 'responses' all.
        max_bytes: Of a block of similarities.

    Attributes:
        provides: 'prototype' and 'response', where there are any.
        levels: Which maps are read and changed.

    Raises:
        ConfigError: An option is unknown.
    """

    levels: tuple[int, ...] = (-1,)

    def __init__(
        self,
        channels: int = 512,
        rectify: Literal['eval', 'always', 'never'] = 'eval',
        ties: Literal['sum', 'first'] = 'sum',
        stretch_epsilon: float | None = 1e-12,
        parts: Literal['residual', 'seeds', 'responses'] = 'responses',
        max_bytes: int = 32 * 2**20,
        start: Literal['random', 'identity'] = 'random',
    ) -> None:
        super().__init__()
        given = dict(rectify=rectify, ties=ties, parts=parts, start=start)
        for name, known in _OPTIONS.items():
            if given[name] not in known:
                raise ConfigError(f'DemocraticPrototype: {name}={given[name]!r}; expected one of {", ".join(known)}.')
        self.takes = [Takes('channels', channels, -1)]
        self.rectify = rectify
        self.ties = ties
        self.stretch_epsilon = stretch_epsilon
        self.parts = parts
        self.max_bytes = max_bytes
        self.provides = {'residual': (), 'seeds': ('prototype',), 'responses': ('prototype', 'response')}[parts]
        self.residual = nn.Conv2d(channels, channels, 1)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        init_kaiming(self)
        if start == 'identity':
            # Features that tell kinds apart already would only be stirred by random weights, for more steps than a
            # short run has.
            nn.init.zeros_(self.residual.weight)
            for projection in (self.query, self.key):
                nn.init.dirac_(projection.weight)
        self.query.requires_grad_(False)
        self.key.requires_grad_(False)

    def forward(
        self, features: Sequence[Tensor], voters: Tensor | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Run every group of a batch; groups do not see each other, and the order of frames does not matter.

        Args:
            features: (B, T, C, h, w) per level, fine to coarse.
            voters: (B, T) bool, the frames that have a vote; None means all. The outputs are as if the others were not
                there; a group without any has the prototype 0.

        Returns:
            The features with the coarsest changed, and ``prototype`` (B, C) and ``response`` (B, T, 1, h, w) by name.
        """
        # One after the other: the vote of a group takes (frames x positions) squared products, and groups share
        # nothing.
        groups = features[-1].unbind(0)
        votes = [None] * len(groups) if voters is None else voters.unbind(0)
        results = [self.group(*given) for given in zip(groups, votes)]
        fused = torch.stack([result[0] for result in results])
        extra = {name: torch.stack([result[1][name] for result in results]) for name in self.provides}
        return [*features[:-1], fused], extra

    def group(self, frames: Tensor, voters: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """One group (T, C, h, w): the fused map of that shape, ``prototype`` (C,), ``response`` (T, 1, h, w).

        Only frames of which ``voters`` (T,) is true have a vote.
        """
        # No activation behind it (eq. 5.1): the sign of a correlation is what later decides.
        strengthened = frames + self.residual(frames)
        if self.parts == 'residual':
            return strengthened, {}
        # Indices and sums over thousands of positions: not in half precision.
        with full_precision(frames):
            return self._vote(ops.at_least_float32(strengthened), voters)

    def _vote(self, strengthened: Tensor, voters: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        # An index, so a constant for the gradient: only the vectors at the seeds learn.
        selected = ops.select_seeds(self.seed_logits(strengthened, voters), self.ties)
        flat = strengthened.flatten(2)
        if self.parts == 'seeds':
            seeds = ops.seed_vectors(flat, selected)
            prototype = seeds.mean(0)
            if voters is not None:
                # A response of one, at one position, to what a frame has in its seed.
                prototype = ops.group_prototype(seeds.unsqueeze(2), seeds.new_ones(len(seeds), 1), voters)
            return strengthened * prototype[:, None, None], dict(prototype=prototype)
        # Correlations of directions: by their length, a few bright positions would outvote a whole object.
        unit = F.normalize(flat, dim=1, eps=1e-12)
        response = ops.mean_response(unit, ops.seed_vectors(unit, selected), self.rectifies, self.max_bytes, voters)
        if self.stretch_epsilon is not None:
            # Not in the thesis, but in the released code, where the maps change by two fifths without it.
            response = ops.stretch(response, self.stretch_epsilon)
        # From the features with their lengths, not from the unit vectors: channels differ in size, and the map is
        # multiplied by it.
        prototype = ops.group_prototype(flat, response, voters)
        response = response.unflatten(1, strengthened.shape[2:]).unsqueeze(1)
        # Which channels matter, from the group, plus which positions matter, from the image (eq. 5.17).
        fused = strengthened * prototype[:, None, None] + strengthened * response
        return fused, dict(prototype=prototype, response=response)

    @property
    def rectifies(self) -> bool:
        """Whether negative correlations are set to 0 in the present mode."""
        return self.rectify == 'always' or (self.rectify == 'eval' and not self.training)

    @torch.no_grad()
    def seed_logits(self, strengthened: Tensor, voters: Tensor | None = None) -> Tensor:
        """How much each position of (T, C, h, w) agrees with the whole group, (T, h*w)."""
        queries, keys = (conv(strengthened).flatten(2).transpose(1, 2) for conv in (self.query, self.key))
        return ops.seed_logits(queries, keys, self.max_bytes, voters)
