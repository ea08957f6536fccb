"""Pixel matching and channel matching of NPMCA-net as maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from projects.npmca_net.modules import frame_padding, scaled_size
from projects.npmca_net.npmca_net import NPMCANet, NPMCAState
from salseg import ops
from salseg.models.explainers import TrackingExplainer, View, change, unpadded
from salseg.models.matchers.non_local_pixel_matching import NonLocalPixelMatching
from salseg.models.segmentors import BaseSegmentor
from salseg.ops.geometry import Pad, map_size, pad_frames
from salseg.ops.matching import channel_weights
from salseg.propagation import Prompt
from salseg.registry import EXPLAINERS


@dataclass(frozen=True)
class Pair:
    """What one object is matched with, at the largest of the model's scales.

    Attributes:
        name: 'first' or 'previous', the frame of the reference.
        matcher: That matches them.
        reference: (1, C, h, w), reduced.
        target: (1, C_in, h, w), not reduced.
        mask: (H, W), where the object is in the reference's frame, padded.
    """

    name: str
    matcher: NonLocalPixelMatching
    reference: Tensor
    target: Tensor
    mask: Tensor


class _PairExplainer(TrackingExplainer):
    """Goes through the pairs of reference and target of every object."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        # The state keeps features of the first frames, not where the objects were in them.
        self.first: dict[int, Tensor] = {}

    def explain_frame(self, frame: Tensor, state: NPMCAState, prompt: Prompt | None) -> dict[str, View]:
        """Views of each object that was known before this frame."""
        pad = frame_padding(map_size(frame), self.model.pad_mode)
        views: dict[str, View] = {}
        for index, pair in self.pairs(pad_frames(frame, pad, self.model.black), state):
            for name, view in self.explain_pair(index, pair, pad, map_size(frame)).items():
                views[f'{name}_{pair.name}_{index}'] = view
        if prompt is not None:
            masks = pad_frames(prompt.masks, pad).to(frame.dtype)
            # A correction that says "not here" does not replace the object's first look, in the model either.
            self.first |= {i: m for i, m in zip(prompt.ids, masks) if m.any() or i not in self.first}
        return views

    def explain_pair(self, index: int, pair: Pair, pad: Pad, size: tuple[int, int]) -> dict[str, View]:
        """Views of an object and one of its references, for a frame (H, W) that was padded."""
        raise TypeError(f'{type(self).__name__} must define explain_pair')

    def pairs(self, image: Tensor, state: NPMCAState) -> Iterator[tuple[int, Pair]]:
        """The id of each object with its pairs, in a padded frame (3, H, W)."""
        model: NPMCANet = self.model
        if state.frame is None or state.masks is None:
            return
        number, scale = max(enumerate(model.scales), key=lambda pair: pair[1])
        size = scaled_size(map_size(image), scale, model.pad_mode)
        frame, before = (ops.resize(x.unsqueeze(0), size) for x in (image, state.frame))
        second = model.matcher_previous or model.matcher
        for place, index in enumerate(state.object_ids):
            own = state.masks[place]
            mask = ops.resize(own[None, None], size)[0]
            target = model.target_encoder(torch.cat([frame, mask[None]], 1) if model.previous_mask else frame)[-1]
            yield index, Pair('first', model.matcher, state.first[number][place, None], target, self.first[index])
            yield index, Pair('previous', second, model.encode(before, mask, second), target, own)


@EXPLAINERS.register_module()
class MatchingExplainer(_PairExplainer):
    """Non-local pixel matching (thesis, section 3.2.2)."""

    what = 'matching'
    shows = (
        "how much of what each position reads comes from the object's own pixels, in its first and in the previous frame "
        '(the rest comes from what was removed around it)'
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """NPMCA-net."""
        return isinstance(model, NPMCANet)

    def explain_pair(self, index: int, pair: Pair, pad: Pad, size: tuple[int, int]) -> dict[str, View]:
        """``matching``: weight on the object, in [0, 1]."""
        weights = pair.matcher.weights(pair.reference, pair.target)[0]
        inside = F.adaptive_avg_pool2d(pair.mask[None, None], map_size(pair.reference)).flatten()
        read = (inside @ weights).reshape(1, *map_size(pair.target))
        return dict(matching=View(f'{index}: {pair.name}', unpadded(read, pad, size), limits=(0.0, 1.0)))


@EXPLAINERS.register_module()
class ChannelsExplainer(_PairExplainer):
    """Channel matching on what was matched (thesis, eq. 3.4 to 3.7)."""

    what = 'channels'
    shows = (
        'weights between the channels of what was matched (row: channel that gives, column: that receives), and how far '
        'channel attention moves each position'
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """NPMCA-net with channel attention."""
        return isinstance(model, NPMCANet) and model.attention is not None

    def explain_pair(self, index: int, pair: Pair, pad: Pad, size: tuple[int, int]) -> dict[str, View]:
        """``weights`` (C, C) and ``change``."""
        matched = pair.matcher.match(pair.reference, pair.target)
        moved = change(matched, self.model.attention(matched))
        return dict(
            weights=View(f'{index}: {pair.name}, weights', channel_weights(matched)[1], 'matrix', limits=(0.0, 1.0)),
            change=View(f'{index}: {pair.name}, change', unpadded(moved, pad, size)),
        )
