"""What is a pure function can be had from `salseg.ops`, whatever file it is in."""

from pathlib import Path

import pytest

from salseg import ops

MODULES = sorted(path.stem for path in Path(ops.__file__).parent.glob('*.py') if path.stem != '__init__')


@pytest.mark.parametrize('module', MODULES)
def test_every_module_offers_something_under_a_public_name(module):
    assert [name for name in ops.__all__ if getattr(ops, name).__module__ == f'salseg.ops.{module}']
