"""Networks of XMem: blocks on object features, the encoders, the decoder, and convolutions widened to see masks.

Shapes: B images with K objects each, merged to N = B * K where objects are treated alike; C channels, (h, w)
positions. Nothing here mixes objects but the sum of the other objects' masks that a value is encoded from.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.backbones.base import Backbone
from salseg.models.layers import added, joined, saves_memory


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and a shortcut, a 3x3 convolution where the width changes."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.shortcut = None if channels_in == channels else nn.Conv2d(channels_in, channels, 3, padding=1)
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, shared: 'Shared | None' = None) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w).

        Args:
            x: The input, or its last channels where the others are shared by all objects of an image.
            shared: What these give, see `share`.
        """
        # The shortcut takes x before the activation: what is negative there would otherwise be lost to every later
        # block.
        if shared is None:
            first, shortcut = self.first(F.relu(x)), x if self.shortcut is None else self.shortcut(x)
        else:
            first = _joined(self.first, F.relu(x), shared.first)
            if self.shortcut is None:
                shortcut = torch.cat([shared.shortcut.repeat_interleave(len(x) // len(shared.shortcut), 0), x], 1)
            else:
                shortcut = _joined(self.shortcut, x, shared.shortcut)
        return added(self.second(F.relu(first, inplace=True)), shortcut)

    def share(self, x: Tensor) -> 'Shared':
        """What the first channels of the input (B, C, h, w) give, once for all objects of an image."""
        first = F.conv2d(F.relu(x), self.first.weight[:, : x.shape[1]], padding=1)
        if self.shortcut is None:
            return Shared(first, x)
        return Shared(first, F.conv2d(x, self.shortcut.weight[:, : x.shape[1]], padding=1))


class Shared(NamedTuple):
    """What an image gives to a block that all its objects go through: both convolutions are sums over channels."""

    first: Tensor
    # Of the shortcut's convolution; the channels themselves where the shortcut has none.
    shortcut: Tensor


def _joined(conv: nn.Conv2d, own: Tensor, shared: Tensor) -> Tensor:
    """A convolution of [shared, own] channels, given what it makes of the shared ones."""
    y = F.conv2d(own, conv.weight[:, -own.shape[1] :], conv.bias, padding=1)
    return add_to_objects(y, shared)


class BlockAttention(nn.Module):
    """A gate per channel, then a gate per position (CBAM, Woo et al., ECCV 2018), the second without batch norm."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.reduce = nn.Linear(channels, channels // reduction)
        self.expand = nn.Linear(channels // reduction, channels)
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w), gated."""
        # One perceptron for both poolings, so they can go through it as one batch.
        pooled = torch.stack([x.mean((-2, -1)), x.amax((-2, -1))])
        channel = self.expand(F.relu(self.reduce(pooled))).sum(0)
        x = x * torch.sigmoid(channel)[..., None, None]
        # Largest before mean: the 7x7 weights of the published file hold their two inputs in this order.
        place = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.place(place))


class FusionBlock(nn.Module):
    """Merge what all objects of an image share with what each has for itself."""

    def __init__(self, shared: int, own: int, middle: int, channels: int) -> None:
        super().__init__()
        self.before = ResidualBlock(shared + own, middle)
        self.attention = BlockAttention(middle)
        self.after = ResidualBlock(middle, channels)

    def forward(self, shared: Tensor | Shared, own: Tensor) -> Tensor:
        """Features of the images (B, shared, h, w), or what `share` made of them, and of the objects (N, own, h, w)."""
        if isinstance(shared, Tensor) and len(own) > len(shared):
            shared = self.share(shared)
        # The image's channels first, as in the published weights.
        if isinstance(shared, Tensor):
            merged = self.before(joined([shared, own]))
        else:
            merged = self.before(own, shared)
        return self.after(added(self.attention(merged), merged))

    def share(self, shared: Tensor) -> Shared:
        """What the features of the images (B, shared, h, w) give, once for all objects."""
        return self.before.share(shared)


class UpsampleBlock(nn.Module):
    """Double the size of object features and add finer features of the image."""

    def __init__(self, skip: int, channels_in: int, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels_in, 3, padding=1)
        self.out = ResidualBlock(channels_in, channels)

    def forward(self, skipped: Tensor, x: Tensor) -> Tensor:
        """What `skip` made of the image's features, (B, channels_in, 2h, 2w), and (N, channels_in, h, w) of N objects to
        (N, channels, 2h, 2w)."""
        # Added after the convolution: it sees no object, so it runs once per image however many are tracked.
        return self.out(add_to_objects(F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False), skipped))


class SensoryCell(nn.Module):
    """Gated update of the sensory memory: h' = sigmoid(f) h (1 - sigmoid(u)) + sigmoid(u) tanh(n).

    No standard GRU: the candidate n sees the whole old state, and the forget gate f scales what is kept (released
    code).
    """

    def __init__(self, channels_in: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.transform = nn.Conv2d(channels_in + hidden, 3 * hidden, 3, padding=1)
        nn.init.xavier_normal_(self.transform.weight)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """(N, channels_in, h, w) and the old state (N, hidden, h, w) to the new state."""
        # One convolution makes all three gates; their order is that of the published weights.
        forget, update, new = self.transform(torch.cat([x, state], 1)).split(self.hidden, 1)
        update = torch.sigmoid(update)
        return torch.sigmoid(forget) * state * (1 - update) + update * torch.tanh(new)


def add_to_objects(x: Tensor, shared: Tensor) -> Tensor:
    """Maps of objects (N, C, h, w), which are overwritten, plus those of their images (B, C, h, w)."""
    if len(x) == len(shared):
        return added(x, shared)
    return added(x.unflatten(0, (len(shared), -1)), shared.unsqueeze(1)).flatten(0, 1)


def repeat_objects(x: Tensor, objects: int) -> Tensor:
    """(B, C, h, w) to (B * objects, C, h, w), each image's features once per object."""
    return x.repeat_interleave(objects, 0) if objects > 1 else x


def inflate_first_convolution(backbone: nn.Module, extra: int, pad_missing: str = 'zeros') -> None:
    """Let a backbone take channels besides RGB; the new weights start orthogonal, those for RGB stay.

    Weights saved with fewer channels (a stage trained on single objects) still load: what they lack is filled up.

    Args:
        backbone: Its first convolution takes 3 channels.
        extra: Channels to add.
        pad_missing: What fills up weights at load, 'zeros' (testing: the result does not change) or 'orthogonal'
            (training).

    Raises:
        ValueError: ``pad_missing`` is unknown.
    """
    if pad_missing not in ('zeros', 'orthogonal'):
        raise ValueError(f"pad_missing={pad_missing!r}; expected 'zeros' or 'orthogonal'.")
    convolution = next(module for module in backbone.modules() if isinstance(module, nn.Conv2d))
    # Behind RGB, so that pretrained weights keep their places; in a state dict the mask is channel 3, the others 4.
    convolution.weight = nn.Parameter(_filled(convolution.weight.data, extra, 'orthogonal'))
    convolution.in_channels += extra
    channels = convolution.in_channels

    def pad_loaded(module: nn.Module, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        key = f'{prefix}weight'
        lacking = 0 if key not in state or state[key].ndim != 4 else channels - state[key].shape[1]
        if lacking > 0:
            state[key] = _filled(state[key], lacking, pad_missing)

    # A hook before loading, since strict loading compares shapes and would refuse the narrower file.
    convolution.register_load_state_dict_pre_hook(pad_loaded)


def _filled(weight: Tensor, extra: int, how: str) -> Tensor:
    new = weight.new_zeros((weight.shape[0], extra, *weight.shape[2:]))
    if how == 'orthogonal':
        nn.init.orthogonal_(new)
    return torch.cat([weight, new], 1)


class KeyProjection(nn.Module):
    """Key, shrinkage and selection of every position (XMem, section 3.3)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.shrinkage = nn.Conv2d(channels_in, 1, 3, padding=1)
        self.selection = nn.Conv2d(channels_in, channels, 3, padding=1)
        # Similarity is a distance of keys: an orthogonal start keeps the features' distances, where a random one would
        # stretch some directions until a single row wins every softmax.
        nn.init.orthogonal_(self.key.weight)
        if self.key.bias is not None:
            nn.init.zeros_(self.key.bias)

    def forward(
        self, x: Tensor, shrink: bool = True, select: bool = True
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(N, channels_in, h, w) to key (N, C, h, w), shrinkage (N, 1, h, w) >= 1, selection (N, C, h, w) in (0, 1).

        Args:
            x: Features at stride 16.
            shrink: Whether the shrinkage is wanted; frames that are not memorised need none.
            select: Whether the selection is wanted.
        """
        # At least 1: it multiplies the distance, and a row with 0 would be as near as possible to every query.
        shrinkage = self.shrinkage(x).square() + 1 if shrink else None
        selection = torch.sigmoid(self.selection(x)) if select else None
        return self.key(x), shrinkage, selection


class ValueEncoder(nn.Module):
    """Value of an object at every position of a frame, from image, its mask and the masks of all others.

    Args:
        backbone: Up to stride 16, built for 3 channels; its first convolution is widened here.
        shared: Channels of the image's own features at stride 16.
        channels: Of the value.
        hidden: Channels of the sensory memory; 0 for none.
        others: Whether it sees the sum of the other objects' masks (False: the variant for single objects).
        pad_missing: Where weights come from that variant: 'orthogonal' or 'zeros' for the missing channel.
    """

    def __init__(
        self,
        backbone: Backbone,
        shared: int,
        channels: int,
        hidden: int,
        others: bool = True,
        pad_missing: str = 'zeros',
    ) -> None:
        super().__init__()
        self.others = others
        self.backbone = backbone
        inflate_first_convolution(self.backbone, 2 if others else 1, pad_missing)
        self.fuser = FusionBlock(shared, backbone.channels[-1], channels, channels)
        self.deep_update = SensoryCell(channels, hidden) if hidden else None

    def forward(
        self, frames: Tensor, features: Tensor, masks: Tensor, hidden: Tensor | None, deep: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Value (B, K, C, h, w) and the sensory memory after a deep update.

        Args:
            frames: (B, 3, H, W), normalised.
            features: (B, shared, h, w) of the same frames.
            masks: (B, K, H, W) in [0, 1].
            hidden: (B, K, hidden, h, w) or None.
            deep: Whether the sensory memory is updated; else it is returned as it came. The value does not depend on
            it.
        """
        objects = masks.shape[1]
        # What other objects there are is in the masks: they are summed before the objects are parted.
        others = masks.sum(1, keepdim=True) - masks if self.others else masks
        if objects > 1 and saves_memory(frames):
            shared: Tensor | Shared = self.fuser.share(features)
            parts = [self._encode(frames, shared, masks[:, k : k + 1], others[:, k : k + 1]) for k in range(objects)]
            value = torch.stack(parts, 1).flatten(0, 1)
        else:
            value = self._encode(frames, features, masks, others)
        # Only the sensory memory learns from the value, not the other way round: stored values must not depend on a
        # state that changes with every frame.
        if deep and self.deep_update is not None and hidden is not None:
            hidden = self.deep_update(value, hidden.flatten(0, 1)).unflatten(0, (-1, objects))
        return value.unflatten(0, (-1, objects)), hidden

    def _encode(self, frames: Tensor, features: Tensor | Shared, masks: Tensor, others: Tensor) -> Tensor:
        """Value (B * K, C, h, w) of some of the objects."""
        objects = masks.shape[1]
        # Each object is encoded alone, so that weights and memory do not depend on how many there are.
        seen = [repeat_objects(frames, objects), masks.flatten(0, 1).unsqueeze(1)]
        if self.others:
            # The only place where an object hears of the others: of look-alikes side by side, it says which one this is
            # not.
            seen.append(others.flatten(0, 1).unsqueeze(1))
        own = self.backbone(torch.cat(seen, 1))[-1]
        # The key encoder's features once more: the value backbone is the smaller one, and this costs no further pass.
        return self.fuser(features, own)


class SensoryUpdate(nn.Module):
    """Update of the sensory memory from three levels of the decoder."""

    def __init__(self, widths: tuple[int, int, int], middle: int, hidden: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(width, middle, 1) for width in widths)
        self.cell = SensoryCell(middle, hidden)

    def forward(self, levels: list[Tensor], logits: Tensor, hidden: Tensor) -> Tensor:
        """Levels at stride 16, 8, 4, (N, C_i, h_i, w_i), logits at stride 4 and the state (N, hidden, h, w) to the new
        state."""
        # Area, since a bilinear step of 4 would look at a quarter of the fine pixels only.
        reduced = [F.interpolate(x, scale_factor=0.5**i, mode='area') if i else x for i, x in enumerate(levels)]
        # Joined when they are small.
        reduced[2] = torch.cat([reduced[2], F.interpolate(logits, scale_factor=0.25, mode='area')], 1)
        return self.cell(sum(conv(x) for conv, x in zip(self.levels, reduced)), hidden)


class Decoder(nn.Module):
    """Masks from the read-out, the sensory memory and the image's features, each object for itself.

    Args:
        features: Channels of the image at strides 4, 8 and 16.
        value: Channels of the read-out.
        hidden: Channels of the sensory memory; 0 for none.
        width: Channels at stride 8 and 4; stride 16 has twice as many.
    """

    def __init__(self, features: Sequence[int], value: int, hidden: int, width: int = 256) -> None:
        super().__init__()
        self.fuser = FusionBlock(features[2], value + hidden, 2 * width, 2 * width)
        # One channel more at stride 4: the logits. The sensory memory shall know what was predicted, not only what was
        # seen.
        self.update = SensoryUpdate((2 * width, width, width + 1), width, hidden) if hidden else None
        self.up8 = UpsampleBlock(features[1], 2 * width, width)
        self.up4 = UpsampleBlock(features[0], width, width)
        self.predict = nn.Conv2d(width, 1, 3, padding=1)

    def forward(
        self, features: list[Tensor], readout: Tensor, hidden: Tensor | None, update: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (B, K, H, W) and the sensory memory after the normal update.

        Args:
            features: Of the frames, strides 4, 8, 16, (B, C, h, w) each.
            readout: (B, K, value, h, w).
            hidden: (B, K, hidden, h, w) or None.
            update: Whether the sensory memory is updated; else it is returned as it came.
        """
        f4, f8, f16 = features
        objects = readout.shape[1]
        own = readout if hidden is None else torch.cat([readout, hidden], 2)
        if objects > 1 and saves_memory(readout):
            # What no object is seen in is computed once, however many there are.
            shared, skipped = self.fuser.share(f16), [self.up8.skip(f8), self.up4.skip(f4)]
            states = [None] * objects if hidden is None else hidden.unbind(1)
            ways = [lambda: skipped[0], lambda: skipped[1]]
            parts = [self._decode(shared, ways, own[:, k], state, update) for k, state in enumerate(states)]
            logits = torch.cat([part[0] for part in parts], 1)
            updated = [state for _, state in parts if state is not None]
            return logits, torch.stack(updated, 1) if updated else None
        state = None if hidden is None else hidden.flatten(0, 1)
        # Made where they are needed and then let go: at stride 4 they are the largest maps.
        ways = [lambda: self.up8.skip(f8), lambda: self.up4.skip(f4)]
        logits, state = self._decode(f16, ways, own.flatten(0, 1), state, update)
        return logits.squeeze(1).unflatten(0, (-1, objects)), None if state is None else state.unflatten(
            0, (-1, objects)
        )

    def _decode(
        self,
        f16: Tensor | Shared,
        skipped: Sequence[Callable[[], Tensor]],
        own: Tensor,
        hidden: Tensor | None,
        update: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (N, 1, H, W) and the sensory memory (N, hidden, h, w) of some of the objects."""
        # Read-out and sensory memory enter at stride 16 alone, where the memory is; finer levels add only the image's
        # detail.
        g16 = self.fuser(f16, own)
        g8 = self.up8(skipped[0](), g16)
        g4 = self.up4(skipped[1](), g8)
        small = self.predict(F.relu(g4))
        if update and self.update is not None and hidden is not None:
            hidden = self.update([g16, g8, g4], small, hidden)
        return F.interpolate(small, scale_factor=4, mode='bilinear', align_corners=False), hidden
