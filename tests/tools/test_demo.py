"""The demo model that comes with the package, and the command that makes it."""

import runpy

import numpy as np
import pytest
import torch
import yaml

from salseg.apis import SaliencyPredictor, init_model
from salseg.catalog import DEMO, model_cards, shipped_weights
from salseg.datasets.synthetic import draw_image
from tests.needs import ROOT

CARD = model_cards()['salseg-demo']
WEIGHTS = shipped_weights('salseg-demo')


@pytest.fixture(scope='module')
def script():
    return runpy.run_path(str(ROOT / 'tools/train_demo.py'))


def test_the_file_is_small_half_precision_and_safe():
    assert WEIGHTS.stat().st_size <= 10e6
    state = torch.load(WEIGHTS, weights_only=True)['state_dict']
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}


def test_the_card_tells_what_it_is_and_how_it_was_made():
    assert yaml.safe_load(DEMO.read_text())['Licence'] == 'Apache-2.0'
    assert CARD['Command'].startswith('python tools/train_demo.py')
    assert f'--seed {CARD["Seed"]}' in CARD['Command']
    assert 'demo' in CARD['Description']
    assert 'synthetic' in CARD['Training data']
    assert {result['Kind'] for result in CARD['Results']} == {'reproduced here'}


def test_it_answers_without_a_checkpoint_or_downloads_and_finds_drawn_objects(monkeypatch):
    monkeypatch.setenv('SALSEG_OFFLINE', '1')
    model = init_model('salseg-demo', device='cpu')
    assert sum(p.numel() for p in model.parameters()) == CARD['Parameters']
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    predictor = SaliencyPredictor(model)
    for index in range(4):
        drawn = draw_image(0, 'test', index, 128)
        (found,) = predictor([drawn.image])
        inside, outside = found.saliency[drawn.mask].mean(), found.saliency[~drawn.mask].mean()
        assert inside > outside + 60, f'image {index}: {inside:.0f} on the object, {outside:.0f} elsewhere'


def test_the_command_makes_weights_and_a_card(script, tmp_path):
    small = ['--iterations', '1', '--images', '8', '--test', '1', '--work-dir', str(tmp_path / 'run')]
    before = WEIGHTS.read_bytes()
    assert script['main']([*small, '--out', str(tmp_path / 'demo'), '--checkpoint', str(WEIGHTS)]) == 0
    made = yaml.safe_load((tmp_path / 'demo/metafile.yml').read_text())['Models'][0]
    assert set(made) == set(CARD) - {'Folder', 'Task', 'Supervision', 'Licence'}
    files = (tmp_path / 'demo/salseg_demo.pth', WEIGHTS)
    written, shipped = (torch.load(path, weights_only=True)['state_dict'] for path in files)
    assert set(written) == set(shipped)
    assert all(torch.equal(written[name], shipped[name]) for name in shipped)
    assert WEIGHTS.read_bytes() == before


def test_a_real_set_needs_a_name_and_a_folder(script, capsys):
    with pytest.raises(SystemExit):
        script['main'](['--real', 'photos'])
    assert '--real photos: expected NAME=DIR' in capsys.readouterr().err


def test_training_images_are_sharp_on_their_objects(script):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    mask = np.zeros((48, 48), bool)
    mask[12:36, 12:36] = True
    done = script['finish'](image, mask, np.random.default_rng(1))
    np.testing.assert_allclose(done[18:30, 18:30].astype(int), image[18:30, 18:30], atol=1)
    assert done.shape == image.shape
    assert done.dtype == np.uint8


@pytest.mark.parametrize('index', [0, 2])
def test_training_images_depend_on_their_number_only(script, index):
    kind = script['DemoImages']
    first, second = (kind(length=3, size=48).describe(index) for _ in range(2))
    np.testing.assert_array_equal(first['frames'][0], second['frames'][0])
    assert 0 < first['label_images'][0].mean() < 1
