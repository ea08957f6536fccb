"""Rows of RCRNet's tables 2 to 4: what the built data sets of their configs hold."""

import numpy as np
import pytest

from salseg.datasets import VideoSaliencyDataset
from salseg.errors import DataError
from tests.needs import ROOT, needs_project
from tests.recipes.built import config
from tests.datasets.video_folders import write_video

needs_project('rcrnet')

PLACE = 'projects/rcrnet/configs/'
STUDENTS = ['released_vos-0-1', 'released_vos-0-2', 'released_vos-0-5', 'released_vos-1-5', 'released_vos-4-5',
            'released_vos-0-20', 'released_vos-7-20', 'released_vos-19-20', 'released-ra_vos-1-5', 'released-rb_vos-1-5',
            'released-rc_vos-1-5', 'released-rd_vos-1-5', 'released-gb_vos-7-20', 'released-gc_vos-7-20']  # fmt: skip
GENERATORS = {'released_vos-l5': (5, 1), 'released_vos-l20': (20, 7), 'released-gb_vos-l20': (20, 7),
              'released-gc_vos-l20': (20, 7)}  # fmt: skip
# Annotated in every 15th frame: 45 labels, 3 of them kept at l = 20, and 25, 2 kept.
LENGTHS = {'long': 661, 'short': 361}


@pytest.fixture(scope='module')
def vos(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'VOS'
    for name, frames in LENGTHS.items():
        write_video(root, name, frames, every=15, size=(8, 8))
    return root


def built(node, root):
    """A data set of a config, on videos of the same shape."""
    node = {key: value for key, value in node.items() if key not in ('type', 'list_file')}
    return VideoSaliencyDataset(**{**node, 'data_root': str(root)})


def labelled(dataset):
    """Frames with a label, by video."""
    found = {}
    for index in range(len(dataset)):
        item = dataset.describe(index)
        found.setdefault(item['set_id'], set()).update(
            int(frame) for frame, path in zip(item['frame_ids'], item['label_paths']) if path is not None
        )
    return found


@pytest.mark.parametrize('name', STUDENTS)
def test_rows_of_tables_2_to_4_train_and_are_tested_on_vos_alone_for_51_epochs(name):
    read = config(f'{PLACE}rcrnet-ner_r50_{name}-448')
    sets = read.train_dataloader.dataset.datasets
    assert len(sets) == 1
    assert 'VOS' in sets[0].data_root.upper()
    assert [part.data_root.split('/')[-1] for part in read.test_dataloader.dataset.datasets] == ['VOS']
    assert read.train_cfg.get('max_iters') is None
    assert read.train_cfg.max_epochs == 51


@pytest.mark.parametrize('interval', [1, 2, 5, 20])
def test_rows_without_pseudo_labels_hold_every_so_manieth_label(interval, vos):
    node = config(f'{PLACE}rcrnet-ner_r50_released_vos-0-{interval}-448').train_dataloader.dataset.datasets[0]
    dataset = built(node, vos)
    wanted = {name: set(range(0, frames, 15 * interval)) for name, frames in LENGTHS.items()}
    assert labelled(dataset) == wanted
    assert all(len(clip) == 4 for _, clip in dataset.items)


@pytest.mark.parametrize('name', GENERATORS)
def test_a_generator_never_sees_its_target_and_labels_m_frames_per_interval(name, vos):
    interval, between = GENERATORS[name]
    read = config(f'{PLACE}fgplg_r50_{name}-448')
    training = built(read.train_dataloader.dataset.datasets[0], vos)
    kept = {name: set(range(0, frames, 15 * interval)) for name, frames in LENGTHS.items()}
    assert all(left < target < right for _, (left, target, right) in training.items)
    assert labelled(training) == {name: frames for name, frames in kept.items() if len(frames) >= 3}
    wanted = built(read.pseudo_label_datasets[0], vos)
    per_interval = {}
    for number, (left, _, right) in wanted.items:
        per_interval.setdefault((number, left, right), []).append(0)
    assert all(len(frames) == between for frames in per_interval.values())
    assert len(per_interval) == sum(len(frames) - 1 for frames in kept.values())


def test_students_of_table_4_read_what_their_generators_write():
    """Ga to Gd differ in the cue of the generator alone."""
    folders = [config(f'{PLACE}rcrnet-ner_r50_{name}-448').train_dataloader.dataset.datasets[0].data_root
               for name in ('released-gb_vos-7-20', 'released-gc_vos-7-20', 'released_vos-7-20')]  # fmt: skip
    assert folders == ['data/pseudo/vos-gb-7-20', 'data/pseudo/vos-gc-7-20', 'data/pseudo/vos-7-20']
    page = (ROOT / 'projects/rcrnet/README.md').read_text()
    assert all(folder.removeprefix('data/pseudo/') in page for folder in folders)
    cues = [config(f'{PLACE}fgplg_r50_{name}-448').model.cue
            for name in ('released-gb_vos-l20', 'released-gc_vos-l20', 'released_vos-l20')]  # fmt: skip
    assert cues == ['none', 'labels', 'flow']


def test_a_set_without_triplets_says_so(tmp_path):
    write_video(tmp_path, 'a', 25, every=15, size=(8, 8))
    with pytest.raises(DataError, match="none has 3 kept labels, and short='skip'"):
        VideoSaliencyDataset(str(tmp_path), length=3, nominal_interval=15, short='skip')


def test_a_triplet_whose_target_is_its_neighbour_is_refused():
    from projects.rcrnet.transforms import SplitTriplet

    given = dict(dataset='d', set_id='v', frame_ids=['0', '9', '9'], frames=[0] * 3, saliency=[np.zeros((2, 2))] * 3)
    with pytest.raises(DataError, match="target 9 of a triplet is its own neighbour.*short='skip'"):
        SplitTriplet().transform(given)
