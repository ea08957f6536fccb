"""Where configs, projects and tools lie: beside the package in a checkout, inside it in a wheel."""

import contextlib
import contextvars
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from salseg.errors import SalsegError

_PACKAGE = Path(__file__).resolve().parent
_TRUSTED = contextvars.ContextVar('imports of run folders are trusted', default=False)


@lru_cache(maxsize=1)
def assets_root() -> Path:
    """Folder that holds ``configs/``, ``projects/`` and ``tools/``.

    Raises:
        SalsegError: Neither a checkout nor an installed wheel is around this package.
    """
    for root in (_PACKAGE.parent, _PACKAGE / '.mim'):
        if (root / 'projects' / 'README.md').is_file() and (root / 'configs').is_dir():
            return root
    raise SalsegError(
        f'no configs/ and projects/ were found beside {_PACKAGE} or in {_PACKAGE / ".mim"}: the installation is '
        'incomplete. Install again with `pip install .` from a full checkout.'
    )


def enable_projects() -> None:
    """Make ``import projects.<paper>`` find salseg's plugins, from any working folder.

    Raises:
        SalsegError: Another package named ``projects`` was imported before.
    """
    root = assets_root()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    loaded = sys.modules.get('projects')
    if loaded is None:
        return
    places = [str(Path(p).resolve()) for p in getattr(loaded, '__path__', [])]
    if str(root / 'projects') not in places:
        raise SalsegError(
            f'a foreign package named "projects" is already imported from {places or loaded}; salseg\'s plugins lie in '
            f'{root / "projects"}. Import salseg first, or rename the other package.'
        )


def is_shipped_module(name: str) -> bool:
    """Whether a module came with salseg: ``salseg.*``, or that of a project below its own ``projects`` folder."""
    if not re.fullmatch(r'\w+(\.\w+)*', name):
        return False
    first, *rest = name.split('.')
    if first == 'projects' and rest:
        return (assets_root() / 'projects' / rest[0]).exists() or (
            assets_root() / 'projects' / f'{rest[0]}.py'
        ).exists()
    return first == 'salseg'


@contextlib.contextmanager
def trusted_imports(trusted: bool = True) -> Iterator[None]:
    """Inside, the config of a run's folder may import modules that did not come with salseg; importing runs their code."""
    token = _TRUSTED.set(trusted)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def are_imports_trusted() -> bool:
    """Whether :func:`trusted_imports` allows the imports of run folders."""
    return _TRUSTED.get()
