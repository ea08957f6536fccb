"""Networks of NPMCA-net around the matching: masked stem, channel attention, decoder; sizes of a frame."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.layers import added
from salseg.ops.geometry import Pad, even_padding
from salseg.ops.matching import channel_matching

PAD_MODES = ('needed', 'rgmp')


class MaskedStem(nn.Module):
    """First convolution of a backbone for RGB and a mask; the mask has weights and a bias of its own (RGMP, STM)."""

    def __init__(self, image: nn.Conv2d) -> None:
        super().__init__()
        # The name of a weight: checkpoints hold it, so it stays as it was.
        self.picture = image
        self.mask = copy.deepcopy(image)
        self.mask.in_channels = 1
        self.mask.weight = nn.Parameter(torch.empty_like(image.weight[:, :1]))
        # With a bias of its own, after RGMP: where no mask is, the stem can still tell that it was given one.
        self.mask.bias = nn.Parameter(torch.zeros(image.out_channels))
        nn.init.kaiming_normal_(self.mask.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, H, W): normalised RGB and the mask in [0, 1]."""
        # Added before the batch norm: the image's pretrained weights stay as they are, and a mask of zeros changes
        # nothing but by the bias.
        return added(self.picture(x[:, :3]), self.mask(x[:, 3:]))


def add_mask_channel(backbone: nn.Module) -> nn.Module:
    """Replace a backbone's first convolution by one that takes a mask as fourth channel."""
    name, first = next((n, module) for n, module in backbone.named_modules() if isinstance(module, nn.Conv2d))
    owner, _, leaf = name.rpartition('.')
    setattr(backbone.get_submodule(owner), leaf, MaskedStem(first))
    return backbone


def freeze_norms(module: nn.Module) -> None:
    """Keep scale and shift of all batch normalisation layers as they were loaded (RGMP)."""
    for part in module.modules():
        # Only scale and shift; the statistics are kept by norm_eval. Batches of a few clips would spoil both.
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.requires_grad_(False)


class ChannelAttention(nn.Module):
    """out = gamma * (channels mixed by likeness) + in, gamma >= 0 learned from 0 (NPMCA-net, eq. 3.4 to 3.7)."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w), the same shape."""
        # The gradient passes as if there were no bound: a gamma that a step took below 0 can come back.
        gamma = self.gamma + (self.gamma.clamp(min=0) - self.gamma).detach()
        return gamma * channel_matching(features) + features


class ResidualBlock(nn.Module):
    """Two pre-activated 3x3 convolutions and an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w), the same shape."""
        return added(self.second(F.relu(self.first(F.relu(x)), inplace=True)), x)


class Refine(nn.Module):
    """Double the size and add finer features of the target."""

    def __init__(self, skip: int, channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip, channels, 3, padding=1)
        self.before = ResidualBlock(channels)
        self.after = ResidualBlock(channels)

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        """(N, skip, 2h, 2w) and (N, channels, h, w) to (N, channels, 2h, 2w)."""
        # A factor suffices, since frames are padded to multiples of 16.
        up = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        return self.after(added(self.before(self.skip(skip)), up))


class Decoder(nn.Module):
    """Logits of background and object from the two matched maps.

    Args:
        matched: Channels of one matched map.
        skips: Channels of the target's features at strides 8 and 4.
        channels: Width.
    """

    def __init__(self, matched: int, skips: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.fuse = nn.Conv2d(2 * matched, channels, 3, padding=1)
        self.block = ResidualBlock(channels)
        self.refine8 = Refine(skips[0], channels)
        self.refine4 = Refine(skips[1], channels)
        self.predict = nn.Conv2d(channels, 2, 3, padding=1)

    def forward(self, matched: Tensor, skip8: Tensor, skip4: Tensor) -> Tensor:
        """(N, 2 * matched, h, w) and the skips to logits (N, 2, 16h, 16w), background first."""
        # Matched features carry the object but no outline, at stride 16; outlines come from the target's own finer
        # levels.
        x = self.refine8(skip8, self.block(self.fuse(matched)))
        logits = self.predict(F.relu(self.refine4(skip4, x)))
        # Not learnt, as in RGMP and STM: one more layer of this width at full size would cost more than the whole
        # network.
        return F.interpolate(logits, scale_factor=4, mode='bilinear', align_corners=False)


def frame_padding(size: tuple[int, int], mode: str) -> Pad:
    """Pixels to add around a frame: to a multiple of 16 where needed (STM), or always to the next one of 32 (RGMP).

    Raises:
        ConfigError: Another mode.
    """
    if mode not in PAD_MODES:
        raise ConfigError(
            f"pad_mode={mode!r}; expected 'needed' (multiples of 16) or 'rgmp' (the next multiple of 32)."
        )
    return even_padding(size, 32, always=True) if mode == 'rgmp' else even_padding(size, 16)


def padded_size(size: tuple[int, int], mode: str) -> tuple[int, int]:
    """(H, W) of a frame after padding."""
    left, right, top, bottom = frame_padding(size, mode)
    return size[0] + top + bottom, size[1] + left + right


def scaled_size(size: tuple[int, int], scale: float, mode: str) -> tuple[int, int]:
    """(H, W) to which a padded frame is resized for one scale: rounded down, then up to the next multiple."""
    if scale == 1:
        return size
    return padded_size((int(size[0] * scale), int(size[1] * scale)), mode)
