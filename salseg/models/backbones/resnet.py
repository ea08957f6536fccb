"""ResNets with the parameter names of torchvision, of any output stride and dilation."""

from collections.abc import Sequence
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone
from salseg.models.backbones.weights import TORCHVISION, load_backbone_weights
from salseg.models.layers import added, conv_normed, init_kaiming, seen
from salseg.registry import BACKBONES

_WIDTHS = (64, 128, 256, 512)


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == 'batch':
        return nn.BatchNorm2d(channels)
    if kind == 'group':
        return nn.GroupNorm(32, channels)
    raise ConfigError(f"norm is {kind!r}; a ResNet has 'batch' or 'group' (32 groups).")


def _conv3x3(channels_in: int, channels: int, stride: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, 3, stride, padding=dilation, dilation=dilation, bias=False)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18 and 34). Stride and dilation sit on the first, as in torchvision;
    the second has the dilation too."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int, dilation: int, norm: str) -> None:
        super().__init__()
        self.conv1 = _conv3x3(channels_in, width, stride, dilation)
        self.bn1 = _norm(norm, width)
        self.conv2 = _conv3x3(width, width, 1, dilation)
        self.bn2 = _norm(norm, width)
        self.downsample = _shortcut(channels_in, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, width, h / stride, w / stride)."""
        y = F.relu(conv_normed(self.conv1, self.bn1, x), inplace=True)
        y = conv_normed(self.conv2, self.bn2, y)
        return F.relu(added(y, _shortened(self.downsample, x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 and a shortcut (ResNet-50 and deeper). Stride and dilation sit on the 3x3 convolution."""

    expansion = 4

    def __init__(self, channels_in: int, width: int, stride: int, dilation: int, norm: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = _norm(norm, width)
        self.conv2 = _conv3x3(width, width, stride, dilation)
        self.bn2 = _norm(norm, width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = _norm(norm, width * self.expansion)
        self.downsample = _shortcut(channels_in, width * self.expansion, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, 4 width, h / stride, w / stride)."""
        y = F.relu(conv_normed(self.conv1, self.bn1, x), inplace=True)
        y = F.relu(conv_normed(self.conv2, self.bn2, y), inplace=True)
        y = conv_normed(self.conv3, self.bn3, y)
        return F.relu(added(y, _shortened(self.downsample, x)), inplace=True)


def _shortcut(channels_in: int, channels: int, stride: int, norm: str) -> nn.Sequential | None:
    if stride == 1 and channels_in == channels:
        return None
    return nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), _norm(norm, channels))


def _shortened(shortcut: nn.Sequential | None, x: Tensor) -> Tensor:
    if shortcut is None:
        return x
    return shortcut(x) if seen(shortcut) else conv_normed(shortcut[0], shortcut[1], x)


_Blocks = dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]]
_DEPTHS: _Blocks = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
_DILATIONS = {32: (1, 1, 1, 1), 16: (1, 1, 1, 2), 8: (1, 1, 2, 4)}


@BACKBONES.register_module()
class ResNet(Backbone):
    """Residual network (He et al., CVPR 2016), torchvision's layout and names without the classifier.

    Levels: 0 is the stem before the max pool (64 channels, stride 2), 1 to 4 are `layer1` to `layer4`; stages above
    the highest wanted level are not built. Map sizes are rounded up at every stride.

    Args:
        depth: 18, 34, 50, 101 or 152.
        out_indices: Levels to return.
        output_stride: 32, or 16 or 8: later stages then keep their resolution and dilate instead.
        dilations: Dilation of the 3x3 convolutions of each stage; None takes it from the output stride.
        multi_grid: Factors of the dilation of the blocks of `layer4` (DeepLabv3).
        first_block: What dilation the first block of a stage has: the stage's own ('stage', RCRNet), or that of the
            stage before ('previous', torchvision's `replace_stride_with_dilation`).
        in_channels: Channels of the image; pretrained files have 3.
        norm: 'batch', or 'group' with 32 groups.
        frozen_stages: 0 freezes the stem, k also `layer1` to `layer<k>`; -1 nothing.
        weights: None for a random start, 'imagenet' (torchvision's first weights of each depth), or a path.

    Raises:
        ConfigError: An argument is not one of those named.
        WeightsError: The weights cannot be had or do not fit.
    """

    pixel_mean, pixel_std = IMAGENET_MEAN, IMAGENET_STD

    def __init__(
        self,
        depth: int = 50,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        output_stride: Literal[32, 16, 8] = 32,
        dilations: Sequence[int] | None = None,
        multi_grid: Sequence[int] | None = None,
        first_block: Literal['stage', 'previous'] = 'stage',
        in_channels: int = 3,
        norm: Literal['batch', 'group'] = 'batch',
        frozen_stages: int = -1,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        if depth not in _DEPTHS or output_stride not in _DILATIONS or first_block not in ('stage', 'previous'):
            raise ConfigError(
                f'ResNet(depth={depth!r}, output_stride={output_stride!r}, first_block={first_block!r}): depth can be '
                f"{', '.join(map(str, _DEPTHS))}; output_stride 32, 16, 8; first_block 'stage', 'previous'."
            )
        block, counts = _DEPTHS[depth]
        rates = tuple(dilations) if dilations is not None else _DILATIONS[output_stride]
        if len(rates) != 4:
            raise ConfigError(f'dilations is {rates}; a ResNet has four stages.')
        strides = (1, *(2 if total <= output_stride else 1 for total in (8, 16, 32)))
        total_strides = [2, *(min(total, output_stride) for total in (4, 8, 16, 32))]
        self.choose(out_indices, [64, *(w * block.expansion for w in _WIDTHS)], total_strides)

        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, padding=3, bias=False)
        self.bn1 = _norm(norm, 64)
        self.stages = self.out_indices[-1]
        channels, before = 64, 1
        for i in range(self.stages):
            grid = _block_dilations(counts[i], rates[i], before, multi_grid if i == 3 else None, first_block)
            layers = []
            for j, dilation in enumerate(grid):
                layers.append(block(channels, _WIDTHS[i], strides[i] if j == 0 else 1, dilation, norm))
                channels = _WIDTHS[i] * block.expansion
            setattr(self, f'layer{i + 1}', nn.Sequential(*layers))
            before = rates[i]
        # As torchvision starts; the norms start as ones and zeros.
        init_kaiming(self, 'fan_out')
        unused = ['fc.', *(f'layer{i}.' for i in range(self.stages + 1, 5))]
        self.weights_loaded = load_backbone_weights(
            self, weights, imagenet=TORCHVISION[f'resnet{depth}'], unused=unused
        )
        self._freeze_stages(frozen_stages)

    def _freeze_stages(self, last: int) -> None:
        if not -1 <= last <= self.stages:
            raise ConfigError(f'frozen_stages is {last}; this ResNet has the stages 0 (stem) to {self.stages}.')
        if last >= 0:
            self.freeze(['conv1', 'bn1', *(f'layer{i}' for i in range(1, last + 1))])

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, in_channels, H, W), normalised, to one map for each of `out_indices`."""
        x = F.relu(conv_normed(self.conv1, self.bn1, images), inplace=True)
        levels = [x]
        if self.stages:
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        for i in range(self.stages):
            x = self.get_submodule(f'layer{i + 1}')(x)
            levels.append(x)
        return [levels[i] for i in self.out_indices]


def _block_dilations(
    count: int, rate: int, before: int, multi_grid: Sequence[int] | None, first_block: str
) -> list[int]:
    """Dilation of each block of a stage."""
    factors = tuple(multi_grid) if multi_grid is not None else (1,) * count
    if len(factors) != count:
        raise ConfigError(f'multi_grid is {factors}; layer4 has {count} blocks.')
    grid = [rate * factor for factor in factors]
    if first_block == 'previous':
        grid[0] = before * factors[0]
    return grid
