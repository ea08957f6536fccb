"""Data sets from the layouts of their releases into those that salseg's loaders read. Sources are never touched.

What there is stands in the registry, which loads neither torch nor a converter; the functions are in modules by theme:
:mod:`~salseg.apis.converting.saliency`, :mod:`~salseg.apis.converting.scribbles`, :mod:`~salseg.apis.converting.coco`,
:mod:`~salseg.apis.converting.videos`, :mod:`~salseg.apis.converting.boxes`.
"""

from salseg.apis.converting.entries import Converter, Option
from salseg.apis.converting.files import Summary
from salseg.apis.converting.registry import CONVERTERS, find_converter, releases

__all__ = ['CONVERTERS', 'Converter', 'Option', 'Summary', 'find_converter', 'releases']
