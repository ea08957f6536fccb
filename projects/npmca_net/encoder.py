"""Encoders of NPMCA-net: ordinary backbones, one of which sees a mask as well."""

import copy

import torch
from torch import Tensor, nn


class MaskedStem(nn.Module):
    """First convolution of a backbone for RGB and a mask; the mask has weights and a bias of its own (RGMP, STM)."""

    def __init__(self, image: nn.Conv2d) -> None:
        super().__init__()
        self.image = image
        self.mask = copy.deepcopy(image)
        self.mask.in_channels = 1
        self.mask.weight = nn.Parameter(torch.empty_like(image.weight[:, :1]))
        self.mask.bias = nn.Parameter(torch.zeros(image.out_channels))
        nn.init.kaiming_normal_(self.mask.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> Tensor:
        """(N, 4, H, W): normalised RGB and the mask in [0, 1]."""
        return self.image(x[:, :3]) + self.mask(x[:, 3:])


def add_mask_channel(backbone: nn.Module) -> nn.Module:
    """Replace a backbone's first convolution by one that takes a mask as fourth channel."""
    name = next(n for n, module in backbone.named_modules() if isinstance(module, nn.Conv2d))
    owner, _, leaf = name.rpartition('.')
    setattr(backbone.get_submodule(owner), leaf, MaskedStem(backbone.get_submodule(name)))
    return backbone


def freeze_norms(module: nn.Module) -> None:
    """Keep scale and shift of all batch normalisation layers as they were loaded (RGMP)."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.requires_grad_(False)
