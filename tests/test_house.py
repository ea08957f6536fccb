"""The house: floors that import only from below."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.needs import ROOT


@pytest.mark.core()
def test_the_floors_hold():
    command = shutil.which('lint-imports', path=os.path.dirname(sys.executable)) or shutil.which('lint-imports')
    if command is None:
        pytest.skip('import-linter is not installed; `make test` runs it')
    done = subprocess.run([command, '--no-cache'], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
