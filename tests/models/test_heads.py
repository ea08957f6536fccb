import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.heads import MultiLevelSaliencyHead
from salseg.registry import HEADS


def test_every_level_is_predicted_at_the_size_of_the_image():
    head = MultiLevelSaliencyHead((4, 6, 8, 10))
    maps = [torch.rand(2, c, s, s + 1) for c, s in ((4, 8), (6, 4), (8, 2), (10, 1))]
    outputs = head(maps, (32, 36))
    assert list(outputs) == list(head.provides) == ['logits', 'logits_3', 'logits_4', 'logits_5']
    assert all(value.shape == (2, 1, 32, 36) for value in outputs.values())


def test_logits_are_resized_before_any_sigmoid():
    head = MultiLevelSaliencyHead((1,), names=('logits',))
    with torch.no_grad():
        head.predict[0].weight.zero_()
        head.predict[0].weight[..., 1, 1] = 1
    logits = torch.tensor([[[[-100.0, 100.0]]]])
    found = head([logits], (1, 4))['logits']
    torch.testing.assert_close(found, torch.tensor([[[[-100.0, -50.0, 50.0, 100.0]]]]))


def test_outputs_can_be_named_and_one_width_serves_all_levels():
    head = HEADS.build(dict(type='MultiLevelSaliencyHead', in_channels=4, names=('logits', 'logits_coarse')))
    assert set(head([torch.rand(1, 4, 3, 3)] * 2, (6, 6))) == {'logits', 'logits_coarse'}


def test_channels_and_names_must_be_equally_many():
    with pytest.raises(ConfigError, match='3 levels and names 4'):
        MultiLevelSaliencyHead((1, 2, 3))
