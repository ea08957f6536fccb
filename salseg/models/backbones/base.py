"""What every backbone gives, and how one is built for an encoder."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import after_part, levels_of
from salseg.registry import BACKBONES, NECKS

# Per RGB channel on the 0-255 scale.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class Backbone(nn.Module):
    """Features of single images at several levels.

    `forward` takes (N, 3, H, W), normalised, and returns a list with one map (N, channels[i], h, w) for each entry of
    `out_indices`, about `strides[i]` times smaller than the image.

    Attributes:
        out_indices: Levels that are returned.
        channels: Their channels.
        strides: Pixels of the image for one step in them.
        weights_loaded: False after a random start; a model that was never given weights refuses to predict.
        pixel_mean, pixel_std: Per RGB channel on the 0-255 scale, what the pretrained weights were trained with; None where
            nothing is known.
    """

    out_indices: tuple[int, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    weights_loaded: bool = False
    pixel_mean: tuple[float, ...] | None = None
    pixel_std: tuple[float, ...] | None = None
    _frozen: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What messages call it."""
        return type(self).__name__

    def check_size(self, size: tuple[int, int], where: str = 'this input') -> None:
        """Refuse an image size (height, width) that the network cannot take; by default it takes any.

        Args:
            size: Of the network's input.
            where: Where that size was set, for the message.

        Raises:
            ConfigError: The network takes other sizes only.
        """

    def choose(self, out_indices: Sequence[int], channels: Sequence[int], strides: Sequence[int]) -> None:
        """Set what is returned, out of the channels and strides of all levels.

        Raises:
            ConfigError: An index is no level of the network, or they do not ascend.
        """
        wanted = tuple(out_indices)
        if not wanted or list(wanted) != sorted(set(wanted)) or not 0 <= wanted[0] <= wanted[-1] < len(channels):
            raise ConfigError(
                f'out_indices is {wanted}; {type(self).__name__} has the levels 0 to {len(channels) - 1} with strides '
                f'{tuple(strides)}: name some of them, ascending.'
            )
        self.out_indices = wanted
        self.channels, self.strides = tuple(channels[i] for i in wanted), tuple(strides[i] for i in wanted)

    def freeze(self, names: Sequence[str]) -> None:
        """Stop some submodules from learning: no gradients, and batch norm keeps its statistics while training."""
        self._frozen = tuple(names)
        for name in self._frozen:
            self.get_submodule(name).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> 'Backbone':
        """Training mode for everything but what is frozen."""
        super().train(mode)
        for name in self._frozen:
            self.get_submodule(name).eval()
        return self


def build_backbone(config: Mapping[str, Any] | nn.Module) -> Backbone:
    """A backbone from its config; a module passes through.

    Raises:
        ConfigError: It is no `Backbone`, so that nothing says its channels and strides.
    """
    built = config if isinstance(config, nn.Module) else BACKBONES.build(dict(config))
    if not isinstance(built, Backbone):
        raise ConfigError(
            f'{type(built).__name__} is no Backbone; expected a class derived from salseg.models.backbones.base.Backbone, '
            'which says its channels and strides.'
        )
    return built


@BACKBONES.register_module()
class Encoder(Backbone):
    """What DeepLab-like video models call their encoder: features, then context, frame by frame, before frames meet.

    Args:
        backbone: Config or `Backbone`.
        neck: Config or module, list of levels to list of levels; its coarsest one has ``channels`` channels.
    """

    def __init__(self, backbone: Mapping[str, Any] | nn.Module, neck: Mapping[str, Any] | nn.Module) -> None:
        super().__init__()
        self.backbone = build_backbone(backbone)
        self.neck = neck if isinstance(neck, nn.Module) else NECKS.build(dict(neck))
        self.out_indices, self.strides = self.backbone.out_indices, self.backbone.strides
        behind = after_part('model.backbone.neck', self.neck, levels_of(self.backbone))
        self.channels = self.backbone.channels if behind is None else behind.channels
        self.weights_loaded = self.backbone.weights_loaded
        self.pixel_mean, self.pixel_std = self.backbone.pixel_mean, self.backbone.pixel_std

    @property
    def label(self) -> str:
        """What messages call it."""
        return f'Encoder with {self.backbone.label}'

    def check_size(self, size: tuple[int, int], where: str = 'this input') -> None:
        """As the backbone inside."""
        self.backbone.check_size(size, where)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, C, H, W) to one map for each level of the backbone, changed by the neck."""
        return self.neck(self.backbone(images))
