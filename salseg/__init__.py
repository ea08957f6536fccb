"""salseg: find and track objects in images and video with little labelling.

Importing the package imports neither torch nor mmengine; names below are loaded when first used.

It sets ``OMP_WAIT_POLICY=PASSIVE`` unless the environment has a value: threads that wait for one another then spin
for some microseconds only, and sleep. On cores that others use too, spinning threads keep the very ones from running
that they wait for, and a training step takes tens of times as long (``benchmarks/speed/busy_cores.py``). OpenMP reads
the variable once, when torch is loaded; after ``import torch`` it only reaches the processes that are started from here.
"""

import os
from importlib import import_module
from typing import Any

from salseg.version import __version__

if 'OMP_WAIT_POLICY' not in os.environ:
    os.environ['OMP_WAIT_POLICY'] = 'PASSIVE'
    # GNU's threads look for some microseconds before they sleep: waking them costs more than most waits are long.
    os.environ.setdefault('GOMP_SPINCOUNT', '10000')

_LAZY = {'init_model': 'salseg.apis', 'list_models': 'salseg.apis', 'predict': 'salseg.apis'}

__all__ = ['__version__', *sorted(_LAZY)]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
