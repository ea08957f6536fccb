"""A backbone and a neck as one, for models whose matcher comes after the neck."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from salseg.models.backbones.base import Backbone
from salseg.registry import BACKBONES, NECKS


@BACKBONES.register_module()
class Encoder(Backbone):
    """What DeepLab-like video models call their encoder: features, then context, frame by frame, before frames meet.

    Args:
        backbone: Config or module.
        neck: Config or module, list of levels to list of levels; its coarsest one has ``channels`` channels.
    """

    def __init__(self, backbone: Mapping[str, Any] | nn.Module, neck: Mapping[str, Any] | nn.Module) -> None:
        super().__init__()
        self.backbone = backbone if isinstance(backbone, nn.Module) else BACKBONES.build(dict(backbone))
        self.neck = neck if isinstance(neck, nn.Module) else NECKS.build(dict(neck))
        self.out_indices, self.strides = self.backbone.out_indices, self.backbone.strides
        self.channels = self.backbone.channels
        self.weights_loaded = self.backbone.weights_loaded

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, C, H, W) to one map for each level of the backbone, changed by the neck."""
        return self.neck(self.backbone(images))
