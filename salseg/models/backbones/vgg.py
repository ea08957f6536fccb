"""VGG-16 with the parameter names of torchvision."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone
from salseg.models.backbones.weights import TORCHVISION, load_backbone_weights
from salseg.models.layers import init_kaiming
from salseg.registry import BACKBONES

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG16_FILE = TORCHVISION['vgg16']


@BACKBONES.register_module()
class VGG16(Backbone):
    """VGG-16 without batch norm and without classifier (Simonyan and Zisserman, ICLR 2015).

    Its five stages are the levels 0 to 4. A stage is some 3x3 convolutions with ReLU and a 2x2 max pool.

    Args:
        out_indices: Levels to return.
        level: What a level is: 'convolved', the last ReLU of a stage (strides 1, 2, 4, 8, 16), or 'pooled', the max
            pool after it (2, 4, 8, 16, 32).
        ceil_mode: Whether pooling rounds sizes up, as Caffe and the FCNs made with it do, instead of down.
        trainable: Convolutions that learn, by their names in the paper (`conv5_3`); 'all', or () for none.
        weights: None for a random start, 'imagenet' (torchvision's), or a path.

    Raises:
        ConfigError: An argument is not one of those named.
        WeightsError: The weights cannot be had or do not fit.
    """

    pixel_mean, pixel_std = IMAGENET_MEAN, IMAGENET_STD

    def __init__(
        self,
        out_indices: Sequence[int] = (0, 1, 2, 3, 4),
        level: Literal['convolved', 'pooled'] = 'convolved',
        ceil_mode: bool = False,
        trainable: Literal['all'] | Sequence[str] = 'all',
        weights: str | None = None,
    ) -> None:
        super().__init__()
        if level not in ('convolved', 'pooled'):
            raise ConfigError(f"level is {level!r}; VGG16 returns 'convolved' or 'pooled' maps.")
        self.level = level
        strides = (1, 2, 4, 8, 16) if level == 'convolved' else (2, 4, 8, 16, 32)
        self.choose(out_indices, [widths[-1] for widths in _STAGES], strides)
        self.features, self._pools, self._convolutions = _features(ceil_mode)
        init_kaiming(self.features, 'fan_out')
        self.weights_loaded = load_backbone_weights(self, weights, imagenet=VGG16_FILE, unused=['classifier.'])
        self._choose_trainable(trainable)

    def _choose_trainable(self, names: Literal['all'] | Sequence[str]) -> None:
        if names == 'all':
            return
        unknown = [n for n in names if n not in self._convolutions]
        if isinstance(names, str) or unknown:
            raise ConfigError(f"trainable is {names!r}; it can be 'all' or a list of: {', '.join(self._convolutions)}.")
        self.freeze([f'features.{index}' for name, index in self._convolutions.items() if name not in names])

    def run_stage(self, x: Tensor, index: int) -> Tensor:
        """Convolutions of one stage on what the pool before it gave, for networks that act between stages."""
        first = self._pools[index - 1] + 1 if index else 0
        return self.features[first : self._pools[index]](x)

    def pool(self, x: Tensor, index: int) -> Tensor:
        """The max pool after one stage."""
        return self.features[self._pools[index]](x)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W), normalised, to one map for each of `out_indices`."""
        x, levels = images, []
        for index in range(self.out_indices[-1] + 1):
            convolved = self.run_stage(x, index)
            last = index == self.out_indices[-1]
            x = convolved if last and self.level == 'convolved' else self.pool(convolved, index)
            levels.append(convolved if self.level == 'convolved' else x)
        return [levels[i] for i in self.out_indices]


def _features(ceil_mode: bool) -> tuple[nn.Sequential, list[int], dict[str, int]]:
    """Layers in torchvision's order, the places of the pools, and those of the convolutions by the paper's names."""
    layers: list[nn.Module] = []
    pools: list[int] = []
    convolutions: dict[str, int] = {}
    channels = 3
    for stage, widths in enumerate(_STAGES, start=1):
        for number, width in enumerate(widths, start=1):
            convolutions[f'conv{stage}_{number}'] = len(layers)
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        pools.append(len(layers))
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=ceil_mode))
    return nn.Sequential(*layers), pools, convolutions
