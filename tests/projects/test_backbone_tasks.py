"""Three kinds of timm's backbones in four tasks, as a user's config puts them there: a step, a test, a prediction, a file."""

import numpy as np
import pytest
import torch

from salseg.apis import SaliencyPredictor
from salseg.apis.clips import ClipPredictor
from salseg.apis.exporting import export_model
from salseg.apis.groups import GroupPredictor
from salseg.cli import main
from salseg.datasets.synthetic import write_dataset
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.propagation import Propagator
from tests.needs import ROOT, needs_project
from tests.projects.tiny_runs import IMAGE, make_tiny, write_synthetic

pytest.importorskip('timm', reason='the package timm (extra "timm") is not installed')
VERSION = tuple(int(part) for part in torch.__version__.split('+')[0].split('.')[:2])
# timm's own small members of each family.
RESNET = 'backbone = dict(type="TimmBackbone", name="test_resnet", {levels})'
PYRAMID = (
    'backbone = dict(type="PyramidBackbone", strides={strides}, channels={channels},'
    ' backbone=dict(type="TimmBackbone", name="{name}"))'
)
# Config, strides and channels of the backbone that it has, where it stands, and what a ResNet of other widths changes.
TASKS = {
    'SOD': (
        'rcrnet/configs/rcrnet_lite0_synthetic-160.py',
        *((4, 8, 16), (24, 40, 112)),
        'model = dict(backbone=dict(backbone=dict(_delete_=True, **backbone){}){})',
        (', neck=dict(in_channels=192)', ', head=dict(in_channels=(32, 48, 64))'),
    ),
    'CoSOD': (
        'dcfm/configs/dcfm_lite0_synthetic-groups-160.py',
        *((4, 8, 16), (24, 40, 112)),
        'model = dict(backbone=dict(_delete_=True, **backbone){}{})',
        (
            ', matcher=dict(channels=192), neck=dict(channels=192)',
            ', head=dict(in_channels=(32, 48, 192))',
        ),
    ),
    'VSOD': (
        'contrastive_vsod/configs/contrastive-vsod_lite0_synthetic-160.py',
        *((2, 4, 16), (16, 24, 112)),
        'model = dict(backbone=dict(backbone=dict(_delete_=True, **backbone){}){})',
        (
            ', neck=dict(in_channels=192)',
            ', matcher=dict(low_channels=32), head=dict(in_channels=(32, 32, 192))',
        ),
    ),
    'VOS': (
        'xmem/configs/xmem_lite0_masks_synthetic-96.py',
        *((4, 8, 16), (24, 40, 112)),
        'model = dict(key_backbone=dict(_delete_=True, **backbone), value_backbone=dict(_delete_=True, **backbone){}{})',
        ('', ''),
    ),
}
LEVELS = {(4, 8, 16): 'out_indices=(1, 2, 3)', (2, 4, 16): 'out_indices=(0, 1, 3)'}


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """The folder above ``data``."""
    folder = tmp_path_factory.mktemp('tree')
    write_synthetic(folder)
    write_dataset('davis', folder / 'archive', splits=dict(train=1, val=1), size=IMAGE, length=4)
    assert main(['convert', 'DAVIS-2017', str(folder / 'archive'), '--root', str(folder / 'data')]) == 0
    return folder


def write_config(path, task, name):
    base, strides, channels, line, changes = TASKS[task]
    part = RESNET.format(levels=LEVELS[strides])
    if name != 'test_resnet':
        part, changes = PYRAMID.format(strides=strides, channels=channels, name=name), ('', '')
    changed = line.format(*changes)[:-1] + ', data_preprocessor=dict(mean="backbone", std="backbone"))'
    path.write_text(f'_base_ = {str(ROOT / "projects" / base)!r}\n{part}\n{changed}\ndel backbone\n')
    return str(path)


@pytest.mark.parametrize('name', ['test_resnet', 'test_convnext', 'test_vit'])
@pytest.mark.parametrize('task', TASKS)
def test_a_backbone_of_timm_trains_is_tested_predicts_and_is_exported(task, name, tree, tmp_path, monkeypatch):
    needs_project(TASKS[task][0].split('/')[0])
    monkeypatch.chdir(tree)
    config = make_tiny(load_config(write_config(tmp_path / 'mine.py', task, name)))
    prepare(config, str(tmp_path / 'run'), 'none', amp=False)
    runner = SalRunner.from_cfg(config)
    # timm's test models were trained with one half as mean and spread.
    assert runner.model.data_preprocessor.mean.flatten().tolist() == [127.5] * 3
    inside = [(key, p) for key, p in runner.model.named_parameters() if '.network.' in key and p.requires_grad]
    before = [p.detach().clone() for _, p in inside]
    runner.train()
    assert inside
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    assert any(not torch.equal(p, old) for (_, p), old in zip(inside, before))
    metrics = runner.test()
    assert metrics
    assert all(np.isfinite(value) for value in metrics.values())
    model = runner.model.eval()
    model.cfg, model.weights_source = config, 'one step'
    assert [found.shape for found in predictions(model)] == [(40, 56)] * 2
    if VERSION >= (2, 7):
        # torch.export cannot describe DCFM, ONNX can.
        files = export_model(model, tmp_path / 'file', 'onnx' if task == 'CoSOD' else 'torch', (32, 48), 2)
        assert len(files) == (3 if task == 'VOS' else 1)
        assert max(file.error for file in files) < 1e-4


def predictions(model):
    images = [draw_image(0, 'test', index, (40, 56)).image for index in range(2)]
    if model.input_type == 'video':
        mask = np.zeros((40, 56), np.uint8)
        mask[10:30, 10:30] = 1
        tracker = Propagator(model)
        return [tracker.step(image, prompt).labels for image, prompt in zip(images, (mask, None))]
    if model.input_type == 'clip':
        return [found.saliency for found in ClipPredictor(model)((str(i), image) for i, image in enumerate(images))]
    predictor = SaliencyPredictor if model.input_type == 'image' else GroupPredictor
    return [found.saliency for found in predictor(model)(images)]
