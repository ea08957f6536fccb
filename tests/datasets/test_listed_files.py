"""The files of a set are named without a look into them: the identity of a run must not cost what an epoch costs."""

import pytest

from salseg.datasets import video_saliency_dataset
from salseg.datasets.synthetic import write_dataset
from salseg.engine.identity import _data
from salseg.registry import DATASETS

DRAWN = {
    'SyntheticGroups': 'salseg.datasets.synthetic_groups.draw_group_image',
    'SyntheticImages': 'salseg.datasets.synthetic_images.draw_image',
    'SyntheticObjectVideos': 'salseg.datasets.synthetic_object_videos.draw_video',
}


def refuse(*arguments, **options):
    raise AssertionError('a file was opened, or an item drawn')


@pytest.mark.parametrize('kind', DRAWN)
def test_nothing_is_drawn(kind, monkeypatch):
    dataset = DATASETS.build(dict(type=kind, length=3, size=32))
    monkeypatch.setattr(DRAWN[kind], refuse)
    assert list(dataset.listed_files()) == []
    assert _data(dataset).startswith('3 items, 0 files')


def test_a_video_is_named_once_and_its_frames_stay_closed(tmp_path, monkeypatch):
    write_dataset('vsod', tmp_path, splits=dict(train=2), size=32, length=6)
    dataset = DATASETS.build(
        dict(type='VideoSaliencyDataset', data_root=tmp_path, encoding='binary', clips='all', length=3, training=True)
    )
    monkeypatch.setattr(video_saliency_dataset, 'image_size', refuse)
    found = list(dataset.listed_files())
    # Windows of three frames overlap by one.
    assert len(dataset) > len(found) == 2
    assert {path for _, paths in found for path in paths} == {
        path for path in tmp_path.rglob('*') if path.suffix in ('.png', '.jpg')
    }


def test_composites_name_both_their_sets(tmp_path):
    for name in ('objects', 'scenes'):
        write_dataset('sod', tmp_path / name, splits=dict(train=2), size=32)
    sets = [dict(type='SaliencyDataset', data_root=tmp_path / name, name=name) for name in ('objects', 'scenes')]
    composites = DATASETS.build(dict(type='CompositeClips', foregrounds=sets[0], backgrounds=sets[1]))
    joined = DATASETS.build(dict(type='ConcatDataset', datasets=sets))
    expected = [pair for one in sets for pair in DATASETS.build(one).listed_files()]
    assert list(composites.listed_files()) == list(joined.listed_files()) == expected
    assert len(expected) == 4
