"""Synthetic images, groups and videos, drawn with NumPy only: sample i of a split is a function of its place."""

from salseg.datasets.synthetic.images import SyntheticImage, draw_image

__all__ = ['SyntheticImage', 'draw_image']
