"""Batch norms in the convolutions before them: equal outputs, and no norm is folded that does not follow its convolution."""

import pytest
import torch
from torch import nn

from salseg.apis import init_model
from salseg.models.backbones import ResNet
from salseg.models.layers import ConvBNReLU, fold_norms, folded
from salseg.structures import FrameInputs
from tests.needs import needs_project

needs_project('rcrnet')
needs_project('scwssod')


def with_statistics(model):
    """Statistics and affine numbers that a fold has to take in, unlike those of a start."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 1.5), (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.3, 0.3),
            ):  # fmt: skip
                values.uniform_(low, high, generator=generator)
    return model


def norms(model):
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize('name', ['scwssod-lite', 'rcrnet-ner-lite'])
def test_a_folded_network_gives_the_same_map(name):
    model = with_statistics(init_model(name, device='cpu', pretrained=False)).double()
    frames = torch.randn(1, 2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    frames = frames if 'ner' in name else frames[:, :1]
    with torch.no_grad():
        before = model.run(FrameInputs(frames))[1]['logits']
        assert norms(model) > 20
        after = fold_norms(model).run(FrameInputs(frames))[1]['logits']
    assert norms(model) == 0
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9 * float(before.abs().max()))


def test_a_resnet_keeps_its_layout_and_its_values():
    backbone = with_statistics(ResNet(depth=18)).eval().double().to(memory_format=torch.channels_last)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        before = backbone(x)
        after = fold_norms(backbone)(x)
    assert norms(backbone) == 0
    assert backbone.layer1[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)
    for a, b in zip(after, before):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def test_norms_of_other_inputs_and_in_training_stay():
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4))
    assert norms(fold_norms(layers.eval())) == 1
    assert norms(fold_norms(ConvBNReLU(3, 4).train())) == 1


def test_what_is_folded_once_is_folded():
    block = fold_norms(with_statistics(ConvBNReLU(3, 4, bias=False)).eval())
    weight, bias = folded(block.conv, block.bn)
    assert weight is block.conv.weight
    assert bias is block.conv.bias


def test_a_model_by_name_is_folded_on_request():
    assert norms(init_model('scwssod-lite', device='cpu', pretrained=False, fold=True)) == 0
