"""Extra passes."""

from salseg.models.passes.base import ExtraPass
from salseg.models.passes.rescaled_pass import RescaledPass

__all__ = ['ExtraPass', 'RescaledPass']
