"""Layers that necks, heads and matchers share."""

from salseg.models.layers.conv import ConvBNReLU, init_kaiming

__all__ = ['ConvBNReLU', 'init_kaiming']
