"""Maps that prediction writes over: the same values as without, none that a hook or a gradient still needs, one layout."""

import pytest
import torch
from torch import nn

from salseg.models.backbones import ResNet
from salseg.models.layers import LargeConv2d, conv_normed, for_inference, joined, one_batch, times
from salseg.models.necks import ProgressiveAggregationNeck

LAST = torch.channels_last


def pair(channels=48, dtype=torch.float32, norm=nn.BatchNorm2d):
    """A convolution and a norm with statistics, laid out for prediction, and an input with a map large enough."""
    torch.manual_seed(0)
    conv, bn = nn.Conv2d(3, channels, 3, padding=1), norm(channels) if norm is nn.BatchNorm2d else norm(4, channels)
    for values in (getattr(bn, 'running_mean', None), bn.weight.data, bn.bias.data):
        if values is not None:
            values.normal_()
    if norm is nn.BatchNorm2d:
        bn.running_var.uniform_(0.1, 3)
    return for_inference(conv).to(dtype), bn.eval().to(dtype), torch.randn(2, 3, 30, 40, dtype=dtype)


class Kept(nn.Conv2d):
    """A convolution that keeps what it gave."""

    def __init__(self, conv):
        super().__init__(conv.in_channels, conv.out_channels, 3, padding=1)
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x):
        self.y = super().forward(x)
        return self.y


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_a_norm_written_over_is_the_norm(dtype):
    conv, bn, x = pair(dtype=dtype)
    kept = Kept(conv)
    with torch.no_grad():
        expected = bn(conv(x))
        found = conv_normed(kept, bn, x)
    assert found.data_ptr() == kept.y.data_ptr()
    # The same formula; the last bit is left to other processors.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('case', ['gradient', 'training', 'small', 'other layout', 'group norm', 'half'])
def test_what_is_not_written_over(case):
    conv, bn, x = pair(norm=nn.GroupNorm if case == 'group norm' else nn.BatchNorm2d)
    if case == 'other layout':
        conv.weight.data = conv.weight.data.contiguous()
    if case == 'half':
        conv, x = conv.bfloat16(), x.bfloat16()
    bn.train(case == 'training')
    x = x[:1, :, :4, :4] if case == 'small' else x
    kept = Kept(conv)
    with torch.set_grad_enabled(case == 'gradient'):
        found = conv_normed(kept, bn, x)
        raw = conv(x)
        if case == 'training':
            bn.eval()
    assert torch.equal(kept.y, raw)
    assert not torch.equal(found, raw)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_a_frozen_norm_keeps_no_map_for_its_gradient(dtype):
    conv, bn, x = pair(dtype=dtype)
    bn.requires_grad_(False)
    expected = bn(conv(x)).relu()
    wanted = torch.autograd.grad(expected.square().sum(), list(conv.parameters()))
    kept, saved = Kept(conv), []

    def keep(tensor):
        saved.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        found = conv_normed(kept, bn, x)
    assert found.data_ptr() == kept.y.data_ptr()
    assert found.shape not in saved
    found = found.relu_()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    for a, b in zip(torch.autograd.grad(found.square().sum(), list(conv.parameters())), wanted):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * float(b.abs().max()))


def test_the_gradient_of_a_frozen_norm_has_a_gradient():
    bn = pair(channels=2, dtype=torch.float64)[1].requires_grad_(False)
    conv = nn.Conv2d(1, 2, 3).double()
    x = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: conv_normed(conv, bn, x).square(), x)


@pytest.mark.parametrize('case', ['hook', 'trains', 'identity'])
def test_what_a_gradient_or_somebody_needs_stays(case):
    conv, bn, x = pair()
    bn.requires_grad_(case == 'trains')
    kept = nn.Identity() if case == 'identity' else Kept(conv)
    if case == 'hook':
        bn.register_forward_pre_hook(lambda module, given: None)
    x = conv(x).detach() if case == 'identity' else x
    before = x.clone()
    conv_normed(kept, bn, x).sum().backward() if case != 'identity' else conv_normed(kept, bn, x)
    assert torch.equal(x, before)
    if case != 'identity':
        assert torch.equal(kept.y, conv(x))


def test_a_hook_keeps_what_it_saw():
    backbone = for_inference(ResNet(depth=50, out_indices=(1,)).eval())
    x, seen = torch.randn(1, 3, 96, 96), {}
    with torch.no_grad():
        plain = backbone(x)[0]
        block = backbone.layer1[0]
        for name in ('conv1', 'conv3', 'bn2', 'downsample'):
            block.get_submodule(name).register_forward_hook(
                lambda module, given, output, name=name: seen.update({name: (given[0], output, output.clone())})
            )
        torch.testing.assert_close(backbone(x)[0], plain)
        assert set(seen) == {'conv1', 'conv3', 'bn2', 'downsample'}
        for name in ('conv1', 'conv3'):
            given, output, then = seen[name]
            assert torch.equal(output, then), name
            assert torch.equal(output, block.get_submodule(name)(given)), name


def test_a_hook_on_every_module_keeps_what_it_saw():
    conv, bn, x = pair()
    seen = []
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, given, output: seen.append((output, output.clone()))
    )
    try:
        with torch.no_grad():
            conv_normed(conv, bn, x)
    finally:
        hook.remove()
    assert len(seen) == 2
    assert all(torch.equal(output, then) for output, then in seen)


def test_the_decoder_gives_the_same_map_with_and_without_a_gradient():
    torch.manual_seed(0)
    neck = for_inference(ProgressiveAggregationNeck((8, 16, 24), width=32).eval())
    levels = [torch.randn(1, c, side, side) for c, side in ((8, 48), (16, 24), (24, 12))]
    kept = [level.clone() for level in levels]
    expected = neck(levels)
    seen = {}
    with torch.no_grad():
        for found, wanted in zip(neck(levels), expected):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))
        aggregate = neck.aggregate[0]
        for name in ('low_gate', 'high_gate', 'context_gate', 'scores.0'):
            aggregate.get_submodule(name).register_forward_hook(
                lambda module, given, output, name=name: seen.update(
                    {name: [*given, output, given[0].clone(), output.clone()]}
                )
            )
        neck(levels)
    for given, output, given_then, output_then in seen.values():
        assert torch.equal(given, given_then)
        assert torch.equal(output, output_then)
    assert all(torch.equal(level, copy) for level, copy in zip(levels, kept))


def test_a_product_is_written_over_only_where_nothing_needs_it():
    y, factor = torch.ones(2, 3), torch.full((2, 3), 2.0)
    assert times(y.requires_grad_(), factor) is not y
    y = y.detach()
    with torch.no_grad():
        assert times(y, factor.double()) is not y
        assert times(y, factor) is y
    assert torch.equal(y, factor)


@pytest.mark.parametrize('shape', [(1, 1, 5, 6, 7), (1, 3, 5, 6, 7), (2, 1, 5, 6, 7), (1, 1, 1, 6, 7), (1, 1, 5, 1, 1)])
def test_a_batch_of_sets_keeps_values_and_layout(shape):
    plain = torch.randn(shape)
    level = plain.flatten(0, 1).contiguous(memory_format=LAST).unflatten(0, shape[:2])
    with torch.no_grad():
        found = one_batch(level)
        assert torch.equal(found, plain.flatten(0, 1))
        assert found.is_contiguous(memory_format=LAST)
        if shape[2:] == (5, 6, 7):
            # Whoever reads the strides alone, as a convolution does, finds the channels side by side.
            assert torch.empty_like(found).is_contiguous(memory_format=LAST)
            assert found.stride(0) == 5 * 6 * 7
        assert torch.equal(one_batch(plain), plain.flatten(0, 1))
    level.requires_grad_()
    one_batch(level).sum().backward()
    assert torch.equal(level.grad, torch.ones(shape))


def test_joined_maps_have_the_layout_of_those_with_channels_side_by_side():
    maps = [torch.randn(1, 3, 4, 5).contiguous(memory_format=LAST), torch.randn(1, 2, 4, 5)]
    with torch.no_grad():
        found = joined(maps)
        assert torch.equal(found, torch.cat(maps, 1))
        assert found.is_contiguous(memory_format=LAST)
        assert joined(maps[1:] * 2).is_contiguous()


def test_a_large_convolution_keeps_its_layout():
    model = for_inference(nn.Sequential(LargeConv2d(4, 6, 3, padding=1), nn.Conv2d(6, 4, 3)))
    assert model[0].weight.is_contiguous()
    assert not model[1].weight.is_contiguous()
    x = torch.randn(1, 4, 8, 8).contiguous(memory_format=LAST)
    plain = nn.functional.conv2d(x.contiguous(), model[0].weight, model[0].bias, padding=1)
    assert torch.equal(model[0](x), plain)
