import pytest
import torch

from salseg.apis import init_model
from salseg.errors import CheckpointError
from salseg.ops import weights_fingerprint
from salseg.registry import MODELS
from tests.needs import needs_project


def test_a_model_that_must_be_trained_is_refused_before_anything_is_fetched_for_it(monkeypatch):
    needs_project('scwssod')
    monkeypatch.setattr(MODELS, 'build', lambda spec: pytest.fail('the network was built'))
    with pytest.raises(CheckpointError, match=r'scwssod has no trained weights(.|\n)*--checkpoint FILE'):
        init_model('scwssod', trained=True)


def test_random_weights_are_the_same_in_every_call_and_leave_the_callers_draws_alone():
    needs_project('xmem')
    torch.manual_seed(3)
    first, drawn = init_model('xmem-lite', device='cpu'), torch.rand(2)
    torch.manual_seed(4)
    assert weights_fingerprint(init_model('xmem-lite', device='cpu')) == weights_fingerprint(first)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), drawn)
