"""Every config as it is, on the releases that it names: archive, `salseg convert`, a step, a test, a prediction."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from salseg.apis import SaliencyPredictor
from salseg.apis.clips import ClipPredictor
from salseg.apis.groups import GroupPredictor
from salseg.catalog import list_configs
from salseg.cli import main
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.models import SaliencySegmentor
from salseg.propagation import Propagator
from tests.projects.release_tree import make_own, make_tree
from tests.projects.tiny_runs import data_sets, given, make_tiny, write_guidance

ROOT = Path(__file__).resolve().parents[2]
LOOKED_AT: set[str] = set()
TESTED: set[str] = set()
CONFIGS = [str(path.relative_to(ROOT)) for path in list_configs()]


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """The folder above ``data``."""
    folder = tmp_path_factory.mktemp('tree')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Thousands of tiny files: what a power cut would leave is no matter here.
        patch.setattr(os, 'fsync', lambda _: None)
        make_tree(str(ROOT / path) for path in CONFIGS)
    return folder


@pytest.fixture(autouse=True)
def forgotten():
    """Runners refer to themselves: without this dozens of whole models would wait for the collector."""
    yield
    gc.collect()


@pytest.fixture()
def config(request, tree, monkeypatch):
    """The config, in the folder that holds all it reads."""
    monkeypatch.chdir(tree)
    loaded = load_config(str(ROOT / request.param))
    own = [node for _, node in data_sets(loaded._cfg_dict) if node.get('data_root') == 'data/own']
    if own:
        make_own(own)
    write_guidance(loaded._cfg_dict)
    return loaded


@pytest.mark.parametrize('path', CONFIGS)
def test_what_a_run_of_seconds_reads_is_what_the_config_says(path):
    config = load_config(str(ROOT / path))
    before = given(config)
    assert any(key.endswith('.type') for key in before)
    assert given(make_tiny(config)) == before


@pytest.mark.parametrize(('config', 'path'), [(path, path) for path in CONFIGS], indirect=['config'], ids=CONFIGS)
def test_all_sets_of_a_config_are_found_where_conversion_puts_them(config, path, capsys):
    # Rows of a table read the same sets; looking at them again would show nothing new.
    sets = str(sorted(given(config).items()))
    if sets not in LOOKED_AT:
        assert main(['check-data', '--config', str(ROOT / path)]) == 0, capsys.readouterr().out
        LOOKED_AT.add(sets)


@pytest.mark.parametrize('config', CONFIGS, indirect=True)
def test_a_config_trains_is_tested_and_predicts(config, tmp_path, monkeypatch):
    make_tiny(config)
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
    # Rows that differ in training only have one network and one test: to run it again would show nothing new.
    tested = str([config._cfg_dict.get(key) for key in ('model', 'test_dataloader', 'test_evaluator')])
    if config.get('test_dataloader') and tested not in TESTED:
        TESTED.add(tested)
        metrics = runner.test()
        # YouTube-VOS keeps its annotations on a server.
        assert metrics or config.test_evaluator.get('withheld')
        assert all(np.isfinite(value) for value in metrics.values())
        predicts(runner.model.eval(), config)
    assert config.get('train_dataloader') or config.get('test_dataloader')


def predicts(model, config):
    """Two images of an odd size give two results of that size."""
    images = [draw_image(0, 'test', index, (40, 56)).image for index in range(2)]
    model.cfg, model.weights_source = config, 'one step'
    if not isinstance(model, SaliencySegmentor):
        mask = np.zeros((40, 56), np.uint8)
        mask[10:30, 10:30] = 1
        tracker = Propagator(model)
        found = [tracker.step(image, prompt).labels for image, prompt in zip(images, (mask, None))]
        assert [labels.shape for labels in found] == [(40, 56)] * 2
        return
    if model.input_type == 'clip':
        found = list(ClipPredictor(model)((str(i), image) for i, image in enumerate(images)))
    else:
        found = (SaliencyPredictor if model.input_type == 'image' else GroupPredictor)(model)(images)
    assert [prediction.saliency.shape for prediction in found] == [(40, 56)] * 2
