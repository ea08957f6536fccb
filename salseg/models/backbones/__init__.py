"""Features of single images."""

from salseg.models.backbones.adapters import TimmBackbone, TorchvisionBackbone
from salseg.models.backbones.base import Backbone, Encoder
from salseg.models.backbones.efficientnet_lite import EfficientNetLite0
from salseg.models.backbones.pyramid import PyramidBackbone
from salseg.models.backbones.resnet import ResNet
from salseg.models.backbones.vgg import VGG16

__all__ = [
    'Backbone',
    'EfficientNetLite0',
    'Encoder',
    'PyramidBackbone',
    'ResNet',
    'TimmBackbone',
    'TorchvisionBackbone',
    'VGG16',
]
