from tests.needs import needs_project

needs_project('rcrnet')


import cv2
import numpy as np
import pytest
import torch
from torch import nn

from projects.rcrnet import FGPLG, SplitTriplet  # noqa: F401 - registers the transform
from salseg.datasets import VideoSaliencyDataset
from salseg.io.annotations import read_map
from salseg.io.record import read_record
from salseg.engine import pseudo_labels
from salseg.engine.pseudo_labels import released_grey
from salseg.engine.pseudo_labels import generate_pseudo_labels
from salseg.errors import CheckpointError, DataError
from salseg.models import SaliencySegmentor
from tests.datasets.video_folders import mask, write_video
from tests.records import timeless

TRIPLETS = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels', missing='zero'),
    dict(type='Resize', size=(24, 32)),
    dict(type='ComputeFlow'),
    dict(type='SplitTriplet'),
    dict(type='PackFrames'),
]
SOFT = [dict(type='LoadFrames'), dict(type='LoadSoftLabels'), dict(type='PackFrames')]
CLIPS = [dict(type='LoadFrames'), dict(type='Resize', size=(24, 32)), dict(type='PackFrames')]


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, images):
        return [self.conv(images)]


class AsTheyAre(nn.Module):
    provides = ('logits',)

    def forward(self, features, size):
        return dict(logits=features[0])


def generator():
    """A generator that believes the mean of both warped labels."""
    model = FGPLG(Stem(), AsTheyAre()).eval()
    with torch.no_grad():
        model.backbone.conv.weight.zero_()
        model.backbone.conv.weight[0, 3:5] = 4.0
        model.backbone.conv.bias.fill_(-4.0)
    model.weights_source = 'test'
    return model


def dataset(root, between=2, pipeline=TRIPLETS, **others):
    options = dict(clips='between', label_interval=3, between=between, spacing='even') | others
    return VideoSaliencyDataset(str(root), pipeline=pipeline, **options)


@pytest.fixture
def videos(tmp_path):
    root = tmp_path / 'set'
    write_video(root, 'a', 8)
    write_video(root, 'b', 5)
    return root


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('Annotations/**/*.png'))}


def test_kept_truth_is_copied_byte_for_byte_and_the_rest_is_made(videos, tmp_path):
    found = generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    assert found.items == {
        'a': dict(kept=['00000', '00003', '00006'], made=['00001', '00002', '00004', '00005']),
        'b': dict(kept=['00000', '00003'], made=['00001', '00002']),
    }
    assert read_record(tmp_path / 'out') == found
    written = files(tmp_path / 'out')
    assert len(written) == 5 + 6
    for video, frames in found.items.items():
        for frame in frames['kept']:
            name = f'Annotations/{video}/{frame}.png'
            assert written[name] == (videos / name).read_bytes()
    grey = read_map(tmp_path / 'out/Annotations/a/00001.png')
    assert 0 < grey.min() < grey.max() < 255
    overlap = (grey > 127) & (mask(1) > 0)
    assert overlap.sum() / ((grey > 127) | (mask(1) > 0)).sum() > 0.6


def test_what_was_written_is_a_data_set(videos, tmp_path):
    generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    joint = VideoSaliencyDataset(str(tmp_path / 'out'), length=4, pipeline=SOFT)
    sample = joint[0]['data_samples']
    assert sample.frame_ids == ['00000', '00001', '00002', '00003']
    assert sample.label_kind == ['binary', 'soft', 'soft', 'binary']
    np.testing.assert_array_equal(sample.saliency[0], mask(0) > 0)


def test_an_interrupted_run_goes_on_and_gives_the_same_files(videos, tmp_path, monkeypatch):
    generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'whole')
    calls, real = [], pseudo_labels.predict_greys

    def counted(*args):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(pseudo_labels, 'predict_greys', counted)
    with pytest.raises(KeyboardInterrupt):
        generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    done = read_record(tmp_path / 'out')
    assert (done.state, list(done.items)) == ('running', ['a'])
    calls.clear()
    monkeypatch.setattr(pseudo_labels, 'predict_greys', lambda *args: calls.append(args) or real(*args))
    generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    assert len(calls) == 1
    assert files(tmp_path / 'out') == files(tmp_path / 'whole')
    assert timeless(tmp_path / 'out') == timeless(tmp_path / 'whole')


def test_of_a_video_with_one_label_only_that_label_is_kept(videos, tmp_path):
    write_video(videos, 'c', 5, every=10)
    found = generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    assert found.items['c'] == dict(kept=['00000'], made=[])
    name = 'Annotations/c/00000.png'
    assert (tmp_path / 'out' / name).read_bytes() == (videos / name).read_bytes()
    joint = VideoSaliencyDataset(str(tmp_path / 'out'), length=2, pipeline=SOFT)
    assert joint.describe(len(joint) - 1)['frame_ids'] == ['00000', '00000']


def test_frames_of_different_sizes_stop_the_labelling_and_are_named(videos, tmp_path):
    cv2.imwrite(str(videos / 'JPEGImages/b/00002.png'), np.zeros((10, 12, 3), np.uint8))
    with pytest.raises(DataError, match=r'b/00002\.png is \(10, 12\)'):
        generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    done = read_record(tmp_path / 'out')
    assert (done.state, list(done.items)) == ('running', ['a'])


def test_a_kept_label_that_is_cut_off_is_named(videos, tmp_path):
    path = videos / 'Annotations/a/00003.png'
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r'00003\.png'):
        generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')


def test_flow_files_of_another_size_stop_the_labelling_and_are_named(videos, tmp_path):
    (tmp_path / 'flow/a').mkdir(parents=True)
    np.save(tmp_path / 'flow/a/00001_00000.npy', np.zeros((10, 12, 2), np.float32))
    files = dict(type='FlowFiles', root=str(tmp_path / 'flow'), pattern='{set}/{first}_{second}.npy')
    steps = [dict(step, estimator=files) if step['type'] == 'ComputeFlow' else step for step in TRIPLETS]
    with pytest.raises(DataError, match='10x12, but its image is 24x32'):
        generate_pseudo_labels(generator(), dataset(videos, pipeline=steps), tmp_path / 'out')


def test_other_settings_or_weights_are_refused_in_the_same_folder(videos, tmp_path):
    generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out')
    with pytest.raises(DataError, match=r'source\.between: 2 there, 1 now'):
        generate_pseudo_labels(generator(), dataset(videos, between=1), tmp_path / 'out')
    other = generator()
    other.backbone.conv.bias.data += 1
    with pytest.raises(DataError, match=r'with other weights:\n  weights: \w+ \(test\) there'):
        generate_pseudo_labels(other, dataset(videos), tmp_path / 'out')


def test_a_folder_with_other_things_is_left_alone(videos, tmp_path):
    with pytest.raises(DataError, match='holds no labels of salseg'):
        generate_pseudo_labels(generator(), dataset(videos), videos)


def test_a_model_without_weights_is_refused(videos, tmp_path):
    model = generator()
    model.weights_source = None
    with pytest.raises(CheckpointError, match='no trained weights'):
        generate_pseudo_labels(model, dataset(videos), tmp_path / 'out')


def test_any_model_on_clips_goes_through_the_same_door(videos, tmp_path):
    model = SaliencySegmentor(Stem(), AsTheyAre()).eval()
    model.weights_source = 'test'
    clips = dataset(videos, clips='all', between=0, length=3, pipeline=CLIPS)
    found = generate_pseudo_labels(model, clips, tmp_path / 'out')
    assert found.items['a']['kept'] == ['00000', '00003', '00006']
    assert found.items['a']['made'] == ['00001', '00002', '00004', '00005', '00007']


def test_released_style_rounds_down_before_it_resizes(videos, tmp_path):
    small = [dict(step, size=(12, 16)) if step['type'] == 'Resize' else step for step in TRIPLETS]
    generate_pseudo_labels(generator(), dataset(videos, pipeline=small), tmp_path / 'out', style='released')
    grey = read_map(tmp_path / 'out/Annotations/a/00001.png')
    np.testing.assert_array_equal(grey[::2], grey[1::2])
    np.testing.assert_array_equal(grey[:, ::2], grey[:, 1::2])
    np.testing.assert_array_equal(released_grey(np.full((2, 2), 0.999), (4, 4)), np.full((4, 4), 254))


def test_frames_can_be_copied_instead_of_linked(videos, tmp_path):
    generate_pseudo_labels(generator(), dataset(videos), tmp_path / 'out', images='copy')
    folder = tmp_path / 'out/JPEGImages/a'
    assert not folder.is_symlink()
    assert cv2.imread(str(folder / '00007.png')) is not None
