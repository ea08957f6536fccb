"""Weights with the channels_last."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from salseg.engine.hooks import ChannelsLastHook
from salseg.errors import ConfigError


def test_the_order_changes_and_neither_values_nor_parameters_do():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8)).eval()
    image = torch.rand(2, 3, 12, 12)
    before, parameters = model(image), list(model.parameters())
    ChannelsLastHook().before_train(SimpleNamespace(model=model))
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(a is b for a, b in zip(parameters, model.parameters()))
    torch.testing.assert_close(model(image), before)


def test_convolutions_over_three_axes_keep_their_layout():
    """RCRNet+NER has some; torch's own way of asking for the layout ends in an error there."""
    model = nn.Sequential(nn.Conv3d(2, 4, 3), nn.Conv2d(3, 8, 3))
    ChannelsLastHook().before_train(SimpleNamespace(model=model))
    assert model[0].weight.is_contiguous()
    assert model[1].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('devices', ['cpu', ['gpu'], ['cuda:0'], [0]])
def test_devices_that_torch_does_not_know_are_refused(devices):
    with pytest.raises(ConfigError, match=r"devices=.*such as \['cpu'\]"):
        ChannelsLastHook(devices)


def test_on_other_devices_nothing_changes():
    model = nn.Conv2d(3, 8, 3)
    ChannelsLastHook(devices=('cuda',)).before_train(SimpleNamespace(model=model))
    assert not model.weight.is_contiguous(memory_format=torch.channels_last)
    ChannelsLastHook(devices=('cuda', 'cpu')).before_train(SimpleNamespace(model=model))
    assert model.weight.is_contiguous(memory_format=torch.channels_last)
