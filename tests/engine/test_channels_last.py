"""Weights with the channels_last."""

from types import SimpleNamespace

import torch
from torch import nn

from salseg.engine.hooks import ChannelsLastHook


def test_the_order_changes_and_neither_values_nor_parameters_do():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8)).eval()
    image = torch.rand(2, 3, 12, 12)
    before, parameters = model(image), list(model.parameters())
    ChannelsLastHook().before_train(SimpleNamespace(model=model))
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(a is b for a, b in zip(parameters, model.parameters()))
    torch.testing.assert_close(model(image), before)
