"""Where configs, projects and tools lie: beside the package in a checkout, inside it in a wheel."""

import sys
from functools import lru_cache
from pathlib import Path

from salseg.errors import SalsegError

_PACKAGE = Path(__file__).resolve().parent


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
