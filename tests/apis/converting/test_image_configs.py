"""The published configs that read image sets find them where `salseg convert` puts them, nothing in them changed."""

from collections import Counter

import pytest
from mmengine.config import Config

from salseg.apis.converting import find_converter
from salseg.registry import DATASETS
from tests.apis.converting.image_releases import RELEASES
from tests.datasets.checking.folders import save, scribble
from tests.needs import ROOT

# Pairs of the miniatures, by config, part and set.
TRAIN = {
    'configs/_base_/datasets/duts_scribble_320.py': dict(DUTS=3),
    'configs/_base_/datasets/msra_b_500.py': {'MSRA-B': 6},
    'configs/_base_/datasets/msra_b_hku_is_448.py': {'MSRA-B': 6, 'HKU-IS': 6},
    'configs/_base_/datasets/images_davis16_473.py': {'MSRA10K': 6, 'DUT-OMRON': 6},
    'projects/npmca_net/configs/npmca-net_r50_paper-stage1_static-256.py': {
        'MSRA10K': 12, 'ECSSD': 12, 'VOC2012': 12, 'COCO': 12
    },
    'projects/xmem/configs/xmem_r50_stage0-static_384.py': {
        'DUTS': 6, 'ECSSD': 6, 'FSS-1000': 6, 'BIG': 30, 'HRSOD': 30
    },
}  # fmt: skip
TEST = {
    'configs/_base_/datasets/duts_scribble_320.py': {
        'ECSSD': 6, 'DUT-OMRON': 6, 'PASCAL-S': 6, 'HKU-IS': 6, 'THUR15K': 6, 'DUTS': 3
    },
    'configs/_base_/datasets/msra_b_hku_is_448.py': {'ECSSD': 6},
}  # fmt: skip


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """All image sets, converted below data/."""
    root = tmp_path_factory.mktemp('converted')
    for name, release in RELEASES.items():
        release.make(root / 'archives' / name)
        converter = find_converter(name)
        converter.convert(root / 'archives' / name, converter.out(root / 'data'))
    for key in RELEASES['DUTS'].keys[3:]:
        save(root / 'scribbles' / f'{key}.png', scribble())
    converter = find_converter('S-DUTS')
    converter.convert(root / 'scribbles', converter.out(root / 'data'))
    return root


def image_sets(node):
    """Configs of sets of single images, wherever they stand."""
    if isinstance(node, dict):
        if node.get('type') == 'SaliencyDataset':
            yield dict(node)
        for value in node.values():
            yield from image_sets(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from image_sets(value)


LABELS = dict(train=dict(type='LoadLabels', one_sided='allow'), test=dict(type='LoadGroundTruth'))


def counted(path, part):
    """Items by set, of which the first and the last are decoded."""
    config = Config.fromfile(ROOT / path)[f'{part}_dataloader']['dataset'].to_dict()
    found = Counter()
    for node in image_sets(config):
        steps = [dict(type='LoadFrames')]
        if node.get('encoding', 'binary') is not None:
            steps.append(LABELS[part])
        data = DATASETS.build({**node, 'pipeline': steps})
        for index in (0, len(data) - 1):
            item = data.get(0, index)
            assert item['frames'][0].ndim == 3
            if len(steps) > 1:
                (truth,) = item['gt_maps' if part == 'test' else 'labels']
                assert truth.shape == item['frames'][0].shape[:2]
                assert truth.any()
        found[node['data_root'].removeprefix('data/')] += len(data)
    return found


@pytest.mark.parametrize('path', TRAIN)
def test_training_finds_all_pairs_of_its_image_sets(path, root, monkeypatch):
    monkeypatch.chdir(root)
    assert counted(path, 'train') == TRAIN[path]


@pytest.mark.parametrize('path', TEST)
def test_testing_finds_all_pairs_of_its_image_sets(path, root, monkeypatch):
    monkeypatch.chdir(root)
    assert counted(path, 'test') == TEST[path]


def test_composites_of_the_paper_are_made_of_converted_sets(root, monkeypatch):
    monkeypatch.chdir(root)
    config = Config.fromfile(ROOT / 'projects/npmca_net/configs/npmca-net_r50_paper-stage1_static-256.py')
    clips = DATASETS.build(config.train_dataloader.dataset.to_dict())
    assert len(clips) == 24
    for index in range(0, 24, 5):
        item = clips.get(0, index)
        assert item['inputs'].shape == (3, 3, 256, 432)
        front, back = item['data_samples'].set_id.split(' on ')
        assert front != back
