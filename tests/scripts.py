"""Scripts of the checkout, which lie in no package, as modules."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tests.needs import ROOT


def load_script(path: str | Path) -> ModuleType:
    """A script below the checkout, fresh each time; its functions and classes are found by processes that it forks."""
    file = ROOT / path
    spec = importlib.util.spec_from_file_location(f'script_{file.stem}', file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
