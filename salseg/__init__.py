"""salseg: find and track objects in images and video with little labelling.

Importing the package imports neither torch nor mmengine; names below are loaded when first used.
"""

from importlib import import_module
from typing import Any

from salseg.version import __version__

_LAZY = {'init_model': 'salseg.apis', 'list_models': 'salseg.apis', 'predict': 'salseg.apis'}

__all__ = ['__version__', *sorted(_LAZY)]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
