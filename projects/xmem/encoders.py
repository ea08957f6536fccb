"""What XMem makes of an image, and of an image with an object's mask."""

import torch
from torch import Tensor, nn

from projects.xmem.blocks import FusionBlock, SensoryCell, repeat_objects
from projects.xmem.inflation import inflate_first_convolution


class KeyProjection(nn.Module):
    """Key, shrinkage and selection of every position (XMem, section 3.3)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.shrinkage = nn.Conv2d(channels_in, 1, 3, padding=1)
        self.selection = nn.Conv2d(channels_in, channels, 3, padding=1)
        nn.init.orthogonal_(self.key.weight)
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
        backbone: nn.Module,
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
        seen = [repeat_objects(frames, objects), masks.flatten(0, 1).unsqueeze(1)]
        if self.others:
            seen.append((masks.sum(1, keepdim=True) - masks).flatten(0, 1).unsqueeze(1))
        own = self.backbone(torch.cat(seen, 1))[-1]
        value = self.fuser(repeat_objects(features, objects), own)
        if deep and self.deep_update is not None and hidden is not None:
            hidden = self.deep_update(value, hidden.flatten(0, 1)).unflatten(0, (-1, objects))
        return value.unflatten(0, (-1, objects)), hidden
