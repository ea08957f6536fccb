"""Every config in the repository is built, trained for a step, tested, and requested a prediction."""

from pathlib import Path

import numpy as np
import pytest
import torch

from salseg.apis import SaliencyPredictor
from salseg.apis.clips import ClipPredictor
from salseg.apis.groups import GroupPredictor
from salseg.catalog import list_configs
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.models import SaliencySegmentor
from tests.projects.tiny_runs import make_tiny, write_data

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [str(path.relative_to(ROOT)) for path in list_configs()]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data'))


@pytest.mark.parametrize('path', CONFIGS)
def test_a_config_trains_is_tested_and_predicts(path, data, tmp_path, monkeypatch):
    config = make_tiny(load_config(str(ROOT / path)), data)
    prepare(config, str(tmp_path), 'none', amp=False)
    runner = SalRunner.from_cfg(config)
    for name, module in runner.model.named_modules():
        if name.endswith('.bn3'):
            # Without pretrained weights every residual block would add to the scale, and decoders multiply maps.
            torch.nn.init.zeros_(module.weight)
    if hasattr(runner.model, 'learner'):
        # It rightly refuses features without pretrained weights, which a test has not.
        monkeypatch.setattr(type(runner.model.learner), 'check_weights', lambda *arguments: None)
    if config.get('train_dataloader'):
        before = [p.detach().clone() for p in runner.model.parameters() if p.requires_grad and p.numel() < 10**6]
        runner.train()
        after = [p for p in runner.model.parameters() if p.requires_grad and p.numel() < 10**6]
        assert all(torch.isfinite(p).all() for p in after)
        assert any(not torch.equal(a, b) for a, b in zip(before, after))
    if config.get('test_dataloader'):
        metrics = runner.test()
        # YouTube-VOS keeps its annotations on a server.
        assert metrics or not config.test_evaluator
        assert all(np.isfinite(value) for value in metrics.values())
        if isinstance(runner.model, SaliencySegmentor):
            _predicts(runner.model.eval(), config)
    assert config.get('train_dataloader') or config.get('test_dataloader')


def _predicts(model, config):
    model.cfg, model.weights_source = config, 'one step'
    images = [draw_image(0, 'test', index, (40, 56)).image for index in range(2)]
    kind = model.input_type
    if kind == 'clip':
        found = list(ClipPredictor(model)((str(i), image) for i, image in enumerate(images)))
    else:
        found = (SaliencyPredictor if kind == 'image' else GroupPredictor)(model)(images)
    assert [prediction.saliency.shape for prediction in found] == [(40, 56)] * 2
