"""Predictions and tracks in mixed precision: near to those without, the network alone, and never mixed with them."""

import cv2
import numpy as np
import pytest
import torch

from salseg.apis import init_model
from salseg.apis.predicting import SaliencyPredictor
from salseg.cli.main import main
from salseg.datasets.synthetic import draw_image
from salseg.propagation import Prompt, Propagator
from tests.needs import needs_project
from tests.propagation.small import square, video, xmem


def images(count):
    return [draw_image(0, 'mixed', number, (96, 128)).image for number in range(count)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'in').mkdir()
    for number, image in enumerate(images(2)):
        cv2.imwrite(str(tmp_path / f'in/{number}.png'), image[..., ::-1])
    return tmp_path


def test_a_map_is_near_the_one_in_single_precision():
    models = (init_model('salseg-demo', device='cpu', amp=amp) for amp in (False, True))
    for plain, mixed in zip(*(SaliencyPredictor(model)(images(3)) for model in models)):
        first, second = plain.saliency.astype(float), mixed.saliency.astype(float)
        assert np.abs(first - second).mean() < 3
        assert (first != second).any()
        # Not in steps of half precision, which are 1/256 near 1 and are seen in smooth parts.
        assert len(np.unique(second)) > 64


class Step(torch.nn.Module):
    """A step after the network, which looks at where it is."""

    def forward(self, sample):
        self.mixed = torch.is_autocast_enabled('cpu')
        return sample


@pytest.mark.parametrize(('name', 'project'), [('salseg-demo', None), ('dcfm-lite', 'dcfm')])
def test_the_network_alone_is_mixed(name, project):
    if project:
        needs_project(project)
    model = init_model(name, device='cpu', amp=True, pretrained=False)
    model.postprocess['look'] = step = Step()
    seen = []
    model.backbone.register_forward_hook(lambda module, given, levels: seen.append(levels[-1].dtype))
    group = images(2) if project else images(1)
    predictor = SaliencyPredictor(model, random_weights=True)
    item = predictor.pack(group, [str(k) for k in range(len(group))])
    predictor.run([item])
    assert set(seen) == {torch.bfloat16}
    assert not step.mixed


def test_a_track_is_near_the_one_in_single_precision():
    needs_project('xmem')
    found = []
    for dtype in (None, torch.bfloat16):
        model = xmem()
        model.prediction_dtype = dtype
        run = Propagator(model, random_weights=True)
        found.append([
            run.step(frame, Prompt.from_masks({1: square(0, 0)}) if index == 0 else None).probability
            for index, frame in enumerate(video(5))
        ])  # fmt: skip
    for first, second in zip(*found):
        assert second.dtype == torch.float32
        assert float((first - second).abs().mean()) < 0.05
    assert any((first != second).any() for first, second in zip(*found))


def test_the_command_says_so_and_mixes_nothing(folder, capsys):
    words = ['predict', 'salseg-demo', str(folder / 'in'), '--out', str(folder / 'out'), '--device', 'cpu']
    assert main([*words, '--amp']) == 0
    kept = {path.name: path.read_bytes() for path in (folder / 'out').glob('*.png')}
    assert len(kept) == 2
    assert main([*words, '--amp']) == 0
    assert main(words) == 2
    assert "precision: 'bfloat16' there, None now" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (folder / 'out').glob('*.png')} == kept
    assert main([*words, '--overwrite']) == 0
    assert {path.name: path.read_bytes() for path in (folder / 'out').glob('*.png')} != kept


def test_a_test_set_is_not_predicted_in_mixed_precision(capsys):
    assert main(['predict', 'salseg-demo', '--dataset', 'some.py', '--amp']) == 2
    assert '--amp with --dataset' in capsys.readouterr().err


def test_the_tracker_says_so_and_mixes_nothing(folder, capsys):
    needs_project('xmem')
    words = ['track', 'xmem-lite', str(folder / 'in'), '--out', str(folder / 'out'), '--device', 'cpu']
    words += ['--box', '1:8,8,60,60', '--random-weights', '--no-overlay', '--allow-gaps']
    words += ['--cfg-options', 'model.pretrained=False']
    assert main([*words, '--amp']) == 0
    assert main(words) == 2
    assert 'precision' in capsys.readouterr().err
