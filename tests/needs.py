"""What a test module needs beyond the package itself."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def needs_project(name: str) -> None:
    """Skip the calling module when a plugin's folder was removed: deleting one must break nothing else.

    Call it before importing anything from ``projects.<name>``.
    """
    if not (ROOT / 'projects' / name / 'metafile.yml').is_file():
        pytest.skip(f'the plugin projects/{name} is not there', allow_module_level=True)
