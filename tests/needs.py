"""What a test module needs beyond the package itself."""

import os
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Small real images and videos that may lie beside the checkout; no part of the project.
REAL = Path(os.environ.get('SALSEG_REAL_DATA', ROOT.parent / 'shared/data/real_mini'))


def needs_project(name: str) -> None:
    """Skip the calling module when a plugin's folder was removed: deleting one must break nothing else.

    Call it before importing anything from ``projects.<name>``.
    """
    if not (ROOT / 'projects' / name / 'metafile.yml').is_file():
        pytest.skip(f'the plugin projects/{name} is not there', allow_module_level=True)


def can_export() -> bool:
    """Whether the exporters of the installed torch can describe our networks; those of 2.6 cannot."""
    return tuple(int(part) for part in version('torch').split('+')[0].split('.')[:2]) >= (2, 7)
