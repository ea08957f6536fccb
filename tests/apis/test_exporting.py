import numpy as np
import onnxruntime
import pytest
import torch

from salseg.apis import exporting, init_model
from salseg.apis.exporting import export_model
from salseg.cli.main import main
from salseg.errors import CheckpointError, ConfigError, DataError
from tests.needs import can_export, needs_project
from tests.tiny import write_tiny_config

SIZE = (32, 48)

exports = pytest.mark.skipif(not can_export(), reason='the exporters of torch 2.6 cannot describe these networks')


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    torch.manual_seed(0)
    return init_model(str(write_tiny_config(tmp_path_factory.mktemp('tiny') / 'tiny.py')), device='cpu')


@exports
def test_the_onnx_file_maps_images_as_the_model_does(model, tmp_path):
    (file,) = export_model(model, tmp_path / 'tiny', size=SIZE, frames=2, random_weights=True)
    images = torch.rand(2, 3, *SIZE) * 255
    (found,) = onnxruntime.InferenceSession(str(file.path)).run(None, {'images': images.numpy()})
    with torch.no_grad():
        expected = exporting.ImagesToMaps(model, together=False)(images)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert file.outputs == {'maps': (2, 1, *SIZE)}
    assert file.error < 1e-5


@exports
def test_the_torch_program_gives_the_model_s_values(model, tmp_path):
    (file,) = export_model(model, tmp_path / 'tiny', 'torch', random_weights=True)
    assert file.path.name == 'tiny.pt2'
    images = torch.rand(1, 3, 32, 32) * 255
    found = torch.export.load(str(file.path)).module()(images)
    with torch.no_grad():
        torch.testing.assert_close(found, exporting.ImagesToMaps(model, together=False)(images))


@exports
@pytest.mark.parametrize('format', ['onnx', 'torch'])
def test_the_demo_can_be_exported(format, tmp_path):
    """Trained weights, and a neck whose number of border positions is a shape."""
    (file,) = export_model(init_model('salseg-demo', device='cpu'), tmp_path / 'demo', format, (96, 96))
    assert file.path.stat().st_size > 1e6
    assert file.error < 1e-4


@exports
def test_a_program_that_torch_cannot_read_back_is_refused(tmp_path):
    """DCFM switches mixed precision off for its matching: torch 2.14 writes that and cannot read it; another may."""
    needs_project('dcfm')
    model = init_model('dcfm-lite', device='cpu', trained=False, pretrained=False)
    files, refused = [], ''
    try:
        files = export_model(model, tmp_path / 'net', 'torch', (64, 64), random_weights=True)
    except ConfigError as error:
        refused = str(error)
    assert len(list(tmp_path.iterdir())) == len(files)
    assert 'torch.export cannot describe this model' in refused or files[0].error < 1e-4


def test_a_file_that_differs_is_not_left_behind(model, tmp_path, monkeypatch):
    monkeypatch.setitem(exporting._WRITERS, 'torch', lambda part, module, path: path.write_bytes(b'x') and _ones)
    with pytest.raises(DataError, match='other values than the model'):
        export_model(model, tmp_path / 'tiny', 'torch', random_weights=True)
    assert not list(tmp_path.iterdir())


def _ones(values):
    return [torch.ones(1, 1, 32, 32)]


def test_what_cannot_be_exported_is_refused(model, tmp_path):
    with pytest.raises(CheckpointError, match='no trained weights'):
        export_model(model, tmp_path / 'tiny')
    with pytest.raises(ConfigError, match='format'):
        export_model(model, tmp_path / 'tiny', 'tensorrt', random_weights=True)


def test_the_command_refuses_a_size_that_is_none(capsys):
    assert main(['export', 'scwssod-lite', '--out', 'x', '--size', '320']) == 2
    assert 'height and width' in capsys.readouterr().err


def test_xmem_becomes_three_files(tmp_path):
    needs_project('xmem')
    xmem = init_model('xmem-lite', device='cpu')
    files = export_model(xmem, tmp_path / 'xmem', 'torch', (32, 48), frames=2, random_weights=True)
    assert [file.path.name for file in files] == ['xmem_key.pt2', 'xmem_value.pt2', 'xmem_decoder.pt2']
    assert max(file.error for file in files) < 1e-4
    assert files[2].outputs['logits'] == (1, 2, 32, 48)
    with pytest.raises(ConfigError, match='multiples of 16'):
        export_model(xmem, tmp_path / 'xmem', size=(40, 48), random_weights=True)
