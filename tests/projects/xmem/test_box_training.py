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
from salseg.structures import FrameInputs, FrameTargets
from salseg.visualization import write_label_png
from tests.tiny import ROOT

CONFIGS = ROOT / 'projects/xmem/configs'
FROM_FILE = """
_base_ = [{base!r}]
model = dict(key_backbone=dict(weights=None), value_backbone=dict(weights=None))
pipeline = [
    dict(type='SampleClip', length=3),
    dict(type='LoadFrames'),
    dict(type='LoadBoxes', max_objects='all'),
    dict(type='RandomFlip'),
    dict(type='SelectObjects', max_objects=2),
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
    config, item = item_of(f'xmem_lite0_{row.replace("boxes", "boxes-stable")}_synthetic-96.py')
    model, losses = losses_of(config, [item])
    expected = {'masks': {'ce', 'dice'}, 'boxes': {'projection', 'pairwise', 'temporal'}, 'boxes-p': {'projection'}}
    wanted = {**expected, 'boxes-pw': {'projection', 'pairwise'}, 'boxes-pt': {'projection', 'temporal'}}[row]
    assert set(losses) == {f'loss_{name}' for name in wanted}
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)
    assert model.decoder.predict.weight.grad.abs().sum() > 0


def without_object(row):
    """The config of a row, and an item of it in which no frame shows an object."""
    config = load_config(str(CONFIGS / f'xmem_lite0_{row.replace("boxes", "boxes-stable")}_synthetic-96.py'))
    size = dict(length=1, frames=6, size=64)
    dataset = DATASETS.build({**config.train_dataloader.dataset.to_dict(), **size})
    # Every object leaves the frame; what is drawn again leaves it again.
    dataset.transforms.insert(3, lambda results: {**results, 'labels': [x * 0 for x in results['labels']]})
    return config, dataset[0]


def test_a_clip_without_object_has_one_used_slot_that_learns_to_stay_empty():
    config, item = without_object('masks')
    sample = item['data_samples']
    assert sample.object_valid.tolist() == [True, False]
    assert not sample.prompt.any()
    model, _ = losses_of(config, [item])
    batch = model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[sample]), True)
    assert batch['inputs'].valid.tolist() == [[True, False]]
    torch.manual_seed(1)
    before = model.unroll(batch['inputs'])
    # By hand: two classes, all pixels background, the dice of both slots against nothing.
    rows = torch.log_softmax(before['log_odds'][:, :, :2], 2)[:, :, 0]
    hardest = (-rows).flatten(2).sort(dim=2, descending=True).values[..., : 64 * 64 // 2].mean(2).sum()
    dice = (1 - 1 / (before['probability'].flatten(3).sum(3) + 1)).mean((0, 2)).sum()
    torch.manual_seed(1)
    targets = FrameTargets.from_samples(batch['data_samples'], batch['inputs'], 10**6)
    found = model.loss_from(batch['inputs'], [], model.unroll(batch['inputs']), targets)
    torch.testing.assert_close(sum(found.values()), hardest + dice)
    sum(found.values()).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
        torch.manual_seed(1)
        after = model.unroll(batch['inputs'])
    assert after['probability'][:, :, 0].sum() < before['probability'][:, :, 0].sum()
    assert after['probability'][:, :, 1].max() < 1e-6


def test_a_clip_without_object_adds_nothing_to_boxes():
    config, item = without_object('boxes')
    assert not item['data_samples'].box_valid.any()
    model, losses = losses_of(config, [item])
    sum(losses.values()).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert all(torch.isfinite(grad).all() for grad in grads)
    assert sum(grad.abs().sum() for grad in grads) < 1e-3


def test_without_valid_slots_all_are_used_and_none_is_guessed_from_pixels():
    config, item = without_object('masks')
    model, _ = losses_of(config, [item])
    frames = torch.rand(1, 3, 3, 64, 64)
    prompt = torch.zeros(1, 2, 64, 64, dtype=torch.bool)
    free = model.unroll(FrameInputs(frames, prompt=prompt))['probability']
    held = model.unroll(FrameInputs(frames, prompt=prompt), valid=torch.tensor([[True, False]]))['probability']
    assert free[:, :, 1].min() > 1e-6
    assert held[:, :, 1].max() < 1e-6
    assert held[:, :, 0].min() > 1e-6


def test_training_from_boxes_sees_no_mask():
    _, item = item_of('xmem_lite0_boxes-stable_synthetic-96.py')
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
    config.write_text(FROM_FILE.format(base=str(CONFIGS / 'xmem_lite0_boxes-stable_synthetic-96.py'), data=str(tree)))
    train(str(config), [], str(tmp_path / 'with'), from_scratch=True)
    masks = list(tree.rglob('*.png'))
    assert masks
    for path in masks:
        path.unlink()
    train(str(config), [], str(tmp_path / 'without'), from_scratch=True)
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
