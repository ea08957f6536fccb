import pytest

from salseg.apis import init_model
from salseg.errors import CheckpointError
from salseg.registry import MODELS
from tests.needs import needs_project


def test_a_model_that_must_be_trained_is_refused_before_anything_is_fetched_for_it(monkeypatch):
    needs_project('scwssod')
    monkeypatch.setattr(MODELS, 'build', lambda spec: pytest.fail('the network was built'))
    with pytest.raises(CheckpointError, match=r'scwssod has no trained weights(.|\n)*--checkpoint FILE'):
        init_model('scwssod', trained=True)
