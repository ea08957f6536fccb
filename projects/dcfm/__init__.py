"""DCFM: democratic co-salient feature mining (CVPR 2022)."""

from projects.dcfm.backbone import CentredLite0
from projects.dcfm.transforms import PillowResize, RandomRotation, RandomScaleCrop

__all__ = ['CentredLite0', 'PillowResize', 'RandomRotation', 'RandomScaleCrop']
