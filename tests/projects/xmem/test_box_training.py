from tests.needs import needs_project

needs_project('xmem')


import cv2
import numpy as np
import pytest
import torch

from salseg.apis.converting.boxes import write_boxes
from salseg.datasets import ObjectVideos, SyntheticObjectVideos
from salseg.datasets.synthetic.videos import draw_video
from salseg.engine.checkpoint import load_file
from salseg.engine.config import load_config
from salseg.engine.train import train
from salseg.registry import DATASETS, MODELS
from salseg.visualization import write_label_png
from tests.tiny import ROOT

CONFIGS = ROOT / 'projects/xmem/configs'
FROM_FILE = """
_base_ = [{base!r}]
model = dict(key_backbone=dict(weights=None), value_backbone=dict(weights=None))
pipeline = [
    dict(type='SampleClip', length=3),
    dict(type='LoadFrames'),
    dict(type='LoadBoxes', max_objects=2),
    dict(type='RandomFlip'),
    dict(type='MasksToBoxes'),
    dict(type='PackFrames'),
]
data = dict(type='ObjectVideos', data_root={data!r}, boxes='boxes.csv', pipeline=pipeline)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=dict(_delete_=True, **data))
train_cfg = dict(max_iters=2)
default_hooks = dict(checkpoint=dict(interval=2))
"""


def item_of(name, index=0, **options):
    config = load_config(str(CONFIGS / name))
    dataset = DATASETS.build(
        {**config.train_dataloader.dataset.to_dict(), 'length': 2, 'frames': 6, 'size': 64, **options}
    )
    return config, dataset[index]


def losses_of(config, items, iteration=10**6):
    model = config.model.to_dict()
    for part in ('key_backbone', 'value_backbone'):
        model[part]['weights'] = None
    torch.manual_seed(0)
    model = MODELS.build(model).train()
    batch = dict(inputs=[i['inputs'] for i in items], data_samples=[i['data_samples'] for i in items])
    return model, model(**model.data_preprocessor(batch, True), mode='loss')


@pytest.mark.parametrize('row', ['masks', 'boxes', 'boxes-p', 'boxes-pw', 'boxes-pt'])
def test_every_row_learns(row):
    config, item = item_of(f'xmem_lite0_{row}_synthetic-96.py')
    model, losses = losses_of(config, [item])
    expected = {'masks': {'ce', 'dice'}, 'boxes': {'projection', 'pairwise', 'temporal'}, 'boxes-p': {'projection'}}
    wanted = {**expected, 'boxes-pw': {'projection', 'pairwise'}, 'boxes-pt': {'projection', 'temporal'}}[row]
    assert set(losses) == {f'loss_{name}' for name in wanted}
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)
    assert model.decoder.predict.weight.grad.abs().sum() > 0


def test_a_clip_without_object_trains_nothing_and_breaks_nothing():
    for row in ('masks', 'boxes'):
        config, item = item_of(f'xmem_lite0_{row}_synthetic-96.py')
        sample = item['data_samples']
        sample.prompt = torch.zeros_like(sample.prompt)
        sample.object_valid = torch.zeros_like(sample.object_valid)
        sample.labels = torch.zeros_like(sample.labels)
        if row == 'boxes':
            sample.box_valid = torch.zeros_like(sample.box_valid)
        model, losses = losses_of(config, [item])
        sum(losses.values()).backward()
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(torch.isfinite(loss) for loss in losses.values())
        assert all(torch.isfinite(grad).all() for grad in grads)
        assert sum(grad.abs().sum() for grad in grads) < 1e-3


def test_training_from_boxes_sees_no_mask():
    _, item = item_of('xmem_lite0_boxes_synthetic-96.py')
    sample = item['data_samples']
    assert set(sample.keys()) == {'labels', 'boxes', 'box_valid', 'object_valid', 'prompt'}
    assert set(np.unique(sample.labels)) <= {0, 255}
    for number in range(int(sample.object_valid.sum())):
        rows, columns = np.nonzero(sample.prompt[number].numpy())
        x0, y0, x1, y1 = sample.boxes[0, number].tolist()
        assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (y0, x0, y1, x1)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / 'data'
    for number, name in enumerate(('first', 'second')):
        for t, frame in enumerate(draw_video(0, 'leak', number, length=5, size=64, leaving=False)):
            path = root / f'JPEGImages/480p/{name}/{t:05d}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), frame.image[..., ::-1])
            write_label_png(root / f'Annotations/480p/{name}/{t:05d}.png', frame.labels)
    write_boxes(root, root / 'boxes.csv')
    return root


def test_a_run_from_boxes_is_the_same_to_the_last_bit_once_the_masks_are_deleted(tree, tmp_path):
    config = tmp_path / 'boxes.py'
    config.write_text(FROM_FILE.format(base=str(CONFIGS / 'xmem_lite0_boxes_synthetic-96.py'), data=str(tree)))
    train(str(config), [], str(tmp_path / 'with'))
    masks = list(tree.rglob('*.png'))
    assert masks
    for path in masks:
        path.unlink()
    train(str(config), [], str(tmp_path / 'without'))
    runs = [load_file(str(tmp_path / run / 'iter_2.pth'))['state_dict'] for run in ('with', 'without')]
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
    start = MODELS.build(load_config(str(config)).model.to_dict()).state_dict()
    assert any(not torch.equal(value, start[name]) for name, value in runs[0].items())


def test_more_objects_than_slots_trains_those_drawn(tree):
    pipeline = [
        dict(type='SampleClip', length=3), dict(type='LoadFrames'), dict(type='LoadLabels'),
        dict(type='SelectObjects', max_objects=1), dict(type='MasksToBoxes'), dict(type='PackFrames'),
    ]  # fmt: skip
    videos = ObjectVideos(str(tree), pipeline=pipeline)
    ids = {videos[draw]['data_samples'].object_ids for draw in range(20)}
    assert ids == {(1,), (2,)}
    assert videos[0]['data_samples'].boxes.shape == (3, 1, 4)
    four = SyntheticObjectVideos(1, frames=3, size=64, options=dict(objects=4), pipeline=pipeline)
    assert four[0]['data_samples'].prompt.shape == (1, 64, 64)
