"""Networks of XMem: blocks on object features, the encoders, the decoder, and convolutions widened to see masks.

Shapes: B images with K objects each, merged to N = B * K where objects are treated alike; C channels, (h, w)
positions. Nothing here mixes objects but the sum of the other objects' masks that a value is encoded from.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.models.backbones.base import Backbone


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and a shortcut, a 3x3 convolution where the width changes."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.shortcut = None if channels_in == channels else nn.Conv2d(channels_in, channels, 3, padding=1)
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w)."""
        y = self.second(F.relu(self.first(F.relu(x))))
        # The shortcut takes x before the activation: what is negative there would otherwise be lost to every later
        # block.
        return y + (x if self.shortcut is None else self.shortcut(x))


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

    def forward(self, shared: Tensor, own: Tensor) -> Tensor:
        """Features of the images, repeated for their objects, (N, shared, h, w), and (N, own, h, w)."""
        # The image's channels first, as in the published weights.
        merged = self.before(torch.cat([shared, own], 1))
        return self.after(merged + self.attention(merged))


class UpsampleBlock(nn.Module):
    """Double the size of object features and add finer features of the image."""

    def __init__(self, skip: int, channels_in: int, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels_in, 3, padding=1)
        self.out = ResidualBlock(channels_in, channels)

    def forward(self, skip: Tensor, x: Tensor, objects: int) -> Tensor:
        """(B, skip, 2h, 2w) and (B * objects, channels_in, h, w) to (B * objects, channels, 2h, 2w)."""
        up = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        # Repeated after the convolution: it sees no object, so it runs once per image however many are tracked.
        return self.out(up + repeat_objects(self.skip(skip), objects))


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
        # Each object is encoded alone, so that weights and memory do not depend on how many there are.
        seen = [repeat_objects(frames, objects), masks.flatten(0, 1).unsqueeze(1)]
        if self.others:
            # The only place where an object hears of the others: of look-alikes side by side, it says which one this is
            # not.
            seen.append((masks.sum(1, keepdim=True) - masks).flatten(0, 1).unsqueeze(1))
        own = self.backbone(torch.cat(seen, 1))[-1]
        # The key encoder's features once more: the value backbone is the smaller one, and this costs no further pass.
        value = self.fuser(repeat_objects(features, objects), own)
        # Only the sensory memory learns from the value, not the other way round: stored values must not depend on a
        # state that changes with every frame.
        if deep and self.deep_update is not None and hidden is not None:
            hidden = self.deep_update(value, hidden.flatten(0, 1)).unflatten(0, (-1, objects))
        return value.unflatten(0, (-1, objects)), hidden


class SensoryUpdate(nn.Module):
    """Update of the sensory memory from three levels of the decoder."""

    def __init__(self, widths: tuple[int, int, int], middle: int, hidden: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(width, middle, 1) for width in widths)
        self.cell = SensoryCell(middle, hidden)

    def forward(self, levels: list[Tensor], hidden: Tensor) -> Tensor:
        """Levels at stride 16, 8, 4, (N, C_i, h_i, w_i), and the state (N, hidden, h, w) to the new state."""
        # Area, since a bilinear step of 4 would look at a quarter of the fine pixels only.
        reduced = [F.interpolate(x, scale_factor=0.5**i, mode='area') if i else x for i, x in enumerate(levels)]
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
        # Read-out and sensory memory enter at stride 16 alone, where the memory is; finer levels add only the image's
        # detail.
        g16 = self.fuser(repeat_objects(f16, objects), own.flatten(0, 1))
        g8 = self.up8(f8, g16, objects)
        g4 = self.up4(f4, g8, objects)
        small = self.predict(F.relu(g4))
        if update and self.update is not None and hidden is not None:
            levels = [g16, g8, torch.cat([g4, small], 1)]
            hidden = self.update(levels, hidden.flatten(0, 1)).unflatten(0, (-1, objects))
        logits = F.interpolate(small, scale_factor=4, mode='bilinear', align_corners=False)
        return logits.squeeze(1).unflatten(0, (-1, objects)), hidden
