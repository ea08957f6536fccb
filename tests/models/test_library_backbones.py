"""Backbones of timm and torchvision against the libraries themselves: parameters, values, weights, sizes, refusals."""

import importlib

import pytest
import torch
from torchvision import models as torchvision
from torchvision.models.feature_extraction import create_feature_extractor

from salseg.engine.config import check_sizes
from salseg.errors import ConfigError, WeightsError
from salseg.models import SalDataPreprocessor, SaliencySegmentor
from salseg.models.backbones import (
    EfficientNetLite0,
    PyramidBackbone,
    ResNet,
    TimmBackbone,
    TorchvisionBackbone,
    adapters,
)
from salseg.models.heads import LateralPyramidHead
from salseg.registry import SEGMENTORS

timm = pytest.importorskip('timm', reason='the package timm (extra "timm") is not installed')
IMAGE = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def timm_maps(ours):
    """What timm's feature network gives with the same weights; that of MambaOut has its channels last."""
    maps = list(ours.network(IMAGE))
    return [m.permute(0, 3, 1, 2) for m in maps] if ours.name.startswith('mambaout') else maps


@pytest.fixture(scope='module')
def vit():
    return TimmBackbone('test_vit').eval()


@pytest.mark.parametrize('name', ['resnet10t', 'convnext_atto', 'vit_tiny_patch16_224', 'swin_tiny_patch4_window7_224'])
def test_parameters_are_those_of_timm_without_classifier_and_last_norm(name):
    with torch.device('meta'):
        ours, whole = TimmBackbone(name), timm.create_model(name, num_classes=0)
    # What comes behind the last level: norms before the pooled features.
    behind = sum(count(part) for key, part in whole.named_children() if key in ('norm', 'head', 'fc_norm'))
    assert count(ours) == count(whole) - behind


@pytest.mark.parametrize('name', ['test_resnet', 'test_convnext', 'mambaout_femto', 'test_vit'])
def test_levels_are_timm_s_own_maps_with_channels_in_the_second_place(name):
    torch.manual_seed(0)
    ours = TimmBackbone(name).eval()
    with torch.no_grad():
        found, expected = ours(IMAGE), timm_maps(ours)
    assert [m.shape[1] for m in found] == list(ours.channels)
    assert [(64 // m.shape[2], 96 // m.shape[3]) for m in found] == [(s, s) for s in ours.strides]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('name', ['test_resnet', 'test_convnext', 'test_vit'])
@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_file_of_timm_s_whole_model_fills_every_entry(name, suffix, tmp_path):
    torch.manual_seed(1)
    whole = timm.create_model(name).eval()
    path = tmp_path / f'weights{suffix}'
    if suffix == '.pth':
        torch.save(whole.state_dict(), path)
    else:
        importlib.import_module('safetensors.torch').save_file(whole.state_dict(), path)
    ours = TimmBackbone(name, weights=str(path)).eval()
    assert ours.weights_loaded
    known = {value.sum().item() for value in whole.state_dict().values()}
    assert all(value.sum().item() in known for value in ours.state_dict().values())
    size = ours.preprocessing['size']
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(ours(image)[-1], whole.forward_intermediates(image)[1][-1])


def test_a_run_of_salseg_fills_it_too_and_other_files_are_refused_whole(tmp_path):
    torch.manual_seed(1)
    other = TimmBackbone('test_resnet')
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in other.state_dict().items()}}, tmp_path / 'run.pth')
    torch.manual_seed(2)
    ours = TimmBackbone('test_resnet', weights=str(tmp_path / 'run.pth'))
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), other.state_dict().values()))
    state = timm.create_model('test_resnet').state_dict()
    state.pop('layer1.0.conv1.weight')
    torch.save(state, tmp_path / 'short.pth')
    with pytest.raises(
        WeightsError, match=r'short\.pth does not fit TimmBackbone test_resnet.*layer1\.0\.conv1\.weight'
    ):
        TimmBackbone('test_resnet', weights=str(tmp_path / 'short.pth'))


def test_published_weights_are_taken_from_the_cache_and_never_fetched(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(socket.socket, 'connect', lambda *a: pytest.fail('tried to open a connection'))
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(WeightsError, match=r'hf download timm/test_resnet\.r160_in1k model\.safetensors.*weights=None'):
        TimmBackbone('test_resnet', weights='timm')
    file = tmp_path / 'here.pth'
    torch.save(timm.create_model('test_resnet').state_dict(), file)
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache', lambda source, name: str(file))
    assert TimmBackbone('test_resnet', weights='timm').weights_loaded


def test_without_timm_one_sentence_says_what_to_install(monkeypatch):
    def absent(name):
        raise ImportError(f'No module named {name!r}')

    adapters._timm.cache_clear()
    monkeypatch.setattr(adapters.importlib, 'import_module', absent)
    with pytest.raises(ConfigError, match=r'needs the package timm .*pip install "salseg\[timm\]"'):
        TimmBackbone('resnet18')
    adapters._timm.cache_clear()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(name='resnet18x'), 'has no model .resnet18x'),
        (dict(name='hf-hub:timm/resnet18'), 'has no model'),
        (dict(name='test_resnet', out_indices=(1, 5)), '0 to 4 with strides'),
        (dict(name='test_resnet', options=dict(depth=3)), "options={'depth': 3} do not fit"),
        (dict(name='test_resnet', frozen_stages=7), 'levels 0 to 4'),
    ],
)
def test_what_timm_does_not_have_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        TimmBackbone(**arguments)


@pytest.mark.parametrize(('name', 'last'), [('test_resnet', 1), ('test_convnext', 1), ('test_vit', 2)])
def test_frozen_levels_do_not_learn_and_the_others_do(name, last):
    model = TimmBackbone(name, frozen_stages=last).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model(torch.rand(2, 3, 64, 64))[-1].square().mean().backward()
    torch.optim.SGD([p for p in model.parameters() if p.grad is not None], lr=1.0).step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    late = {'test_resnet': 'layer2', 'test_convnext': 'stages_2', 'test_vit': 'blocks.3'}[name]
    early = {'test_resnet': ('k.conv1', 'k.bn1', 'layer1'), 'test_convnext': ('stem_', 'stages_0', 'stages_1')}
    frozen = early.get(name, ('patch_embed', 'cls_token', 'pos_embed', 'blocks.0', 'blocks.2'))
    assert any(late in key for key in changed)
    assert not [key for key in changed if any(part in key for part in frozen)]


def test_sizes_that_a_vision_transformer_cannot_take_are_refused_with_those_that_it_can(vit):
    vit.check_size((64, 96))
    message = r'the pipeline: TimmBackbone test_vit cannot take 100 x 130 .*multiples of 16: 96 x 128 or 112 x 144'
    with pytest.raises(ConfigError, match=message):
        vit.check_size((100, 130), 'the pipeline')
    with pytest.raises(ConfigError, match='multiples of 16'):
        vit(torch.rand(1, 3, 60, 64))


@pytest.mark.parametrize(('size', 'divisor', 'fits'), [(64, 1, True), (72, 1, False), (72, 16, True)])
def test_the_sizes_of_the_pipelines_are_checked_when_a_model_is_built(size, divisor, fits, vit):
    backbone = PyramidBackbone(vit, (8, 16), (8, 8))
    model = SaliencySegmentor(backbone, LateralPyramidHead((8, 8), 8), data_preprocessor=dict(
        type='SalDataPreprocessor', size_divisor=divisor
    ))  # fmt: skip
    pipeline = [dict(type='LoadFrames'), dict(type='Resize', size=size), dict(type='PackFrames')]
    config = dict(train_dataloader=dict(dataset=dict(type='SyntheticImages', pipeline=pipeline)))
    if fits:
        check_sizes(model, config)
    else:
        with pytest.raises(ConfigError, match=r'train_dataloader\.dataset\.pipeline: TimmBackbone test_vit'):
            check_sizes(model, config)


def test_a_pyramid_has_the_strides_and_channels_that_were_named(vit):
    pyramid = PyramidBackbone(vit, (4, 8, 16, 32), (8, 16, 24, 32))
    assert [tuple(m.shape[1:]) for m in pyramid(IMAGE)] == [(8, 16, 24), (16, 8, 12), (24, 4, 6), (32, 2, 3)]
    with pytest.raises(ConfigError, match=r'strides has 6; TimmBackbone test_vit gives the strides \(16,\)'):
        PyramidBackbone(vit, (6, 12))
    with pytest.raises(ConfigError, match='channels for each'):
        PyramidBackbone(vit, (4, 8), (8,))


def test_levels_that_do_not_fit_the_next_part_are_refused_by_their_keys():
    with pytest.raises(ConfigError) as error:
        SaliencySegmentor(ResNet(18), LateralPyramidHead((24, 40, 112)))
    message = str(error.value)
    assert 'model.head.in_channels is (24, 40, 112)' in message
    assert 'ResNet gives 4 levels with channels (64, 128, 256, 512), strides (4, 8, 16, 32)' in message
    assert 'PyramidBackbone with channels=(24, 40, 112)' in message


def test_statistics_follow_the_backbone_where_the_config_leaves_them_to_it(vit):
    def build(backbone, **given):
        head = LateralPyramidHead(backbone.channels, 8)
        return SaliencySegmentor(backbone, head, data_preprocessor=SalDataPreprocessor(**given) if given else None)

    pyramid = PyramidBackbone(vit, (8, 16), 8)
    assert build(pyramid).data_preprocessor.mean.flatten().tolist() == [127.5] * 3
    follow = build(EfficientNetLite0(out_indices=(1, 2)), mean='backbone', std='backbone').data_preprocessor
    assert (follow.mean.flatten().tolist(), follow.std.flatten().tolist()) == ([127.0] * 3, [128.0] * 3)
    assert build(pyramid, mean=(0, 0, 0), std=(1, 1, 1)).data_preprocessor.mean.sum() == 0


def test_torchvision_s_maps_weights_and_frozen_levels_are_its_own(tmp_path):
    torch.manual_seed(0)
    whole = torchvision.mobilenet_v3_small(weights=None).eval()
    torch.save(whole.state_dict(), tmp_path / 'mobile.pth')
    ours = TorchvisionBackbone('mobilenet_v3_small', frozen_stages=1, weights=str(tmp_path / 'mobile.pth')).eval()
    assert (ours.strides, ours.channels) == ((2, 4, 8, 16, 32), (16, 16, 24, 48, 576))
    nodes = ['features.0', 'features.1', 'features.3', 'features.8', 'features.12']
    with torch.no_grad():
        torch.testing.assert_close(ours(IMAGE), list(create_feature_extractor(whole, nodes)(IMAGE).values()))
    assert count(ours) == count(whole.features)
    learning = {name.split('.')[2] for name, p in ours.named_parameters() if p.requires_grad}
    assert learning == {str(i) for i in range(2, 13)}
    assert ours.train().network.get_submodule('features.2').training
    assert not ours.network.get_submodule('features.0.1').training


def test_what_torchvision_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="'resnet19' is none of"):
        TorchvisionBackbone('resnet19')
    with pytest.raises(ConfigError, match="no node 'layer9'"):
        TorchvisionBackbone('resnet18', nodes=('layer9',))
    with pytest.raises(ConfigError, match='no pyramid'):
        TorchvisionBackbone('vit_b_16')


def test_named_nodes_are_the_levels():
    ours = TorchvisionBackbone('resnet18', nodes=('layer2', 'layer3'))
    assert (ours.strides, ours.channels) == ((8, 16), (128, 256))


@pytest.mark.parametrize(('name', 'missing'), [('NPMCANet', 'backbone'), ('XMem', 'key_backbone')])
def test_trackers_refuse_other_strides_by_their_keys(name, missing, vit):
    from tests.needs import needs_project

    needs_project({'NPMCANet': 'npmca_net', 'XMem': 'xmem'}[name])
    importlib.import_module({'NPMCANet': 'projects.npmca_net', 'XMem': 'projects.xmem'}[name])
    parts = {missing: vit} if name == 'NPMCANet' else {missing: vit, 'value_backbone': vit}
    with pytest.raises(ConfigError) as error:
        SEGMENTORS.get(name)(**parts)
    assert f'model.{missing}: TimmBackbone test_vit gives 1 levels with channels (64,), strides (16,)' in str(
        error.value
    )
    assert 'PyramidBackbone with strides=(4, 8, 16)' in str(error.value)
