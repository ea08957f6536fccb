import cv2
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from salseg.apis.clip_files import predict_video
from salseg.apis.clips import ClipPredictor
from salseg.datasets import VideoSaliencyDataset
from salseg.io.annotations import read_map
from salseg.io.images import read_image
from salseg.errors import CheckpointError, DataError
from salseg.evaluation.metrics.grey import to_grey
from salseg.models import SaliencySegmentor
from salseg.io.video_writing import VideoWriter, count_frames
from salseg.io.videos import FrameSource
from tests.apis.brightness import AgainstTheClip, AsTheyAre
from tests.datasets.video_folders import image, write_video

PIPELINE = [dict(type='LoadFrames'), dict(type='Resize', size=16), dict(type='PackFrames')]
RUN = []


class Brightness(nn.Module):
    def forward(self, images):
        RUN.append(len(images))
        return [images.mean(1, keepdim=True)]


def model():
    built = SaliencySegmentor(Brightness(), AsTheyAre(), matcher=AgainstTheClip()).eval()
    built.weights_source = 'test'
    built.cfg = ConfigDict(test_dataloader=dict(dataset=dict(pipeline=PIPELINE, clips='all', length=4)))
    return built


def stream(count):
    for index in range(count):
        yield f'{index:05d}', image(index)


def test_length_comes_from_the_test_set():
    assert ClipPredictor(model()).length == 4
    assert ClipPredictor(model(), length=7).length == 7


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5, 7, 8, 13])
def test_a_stream_gives_the_maps_of_the_test_set(tmp_path, count):
    write_video(tmp_path, 'a', count)
    dataset = VideoSaliencyDataset(str(tmp_path), clips='all', length=4, training=False, pipeline=PIPELINE)
    wanted, built = {}, model()
    for item in range(len(dataset)):
        packed = dataset[item]
        (sample,) = built.test_step(dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']]))
        wanted |= {name: to_grey(value) for name, value in zip(sample.frame_ids, sample.pred_maps)}
    frames = [(path.stem, read_image(path)) for path in sorted((tmp_path / 'JPEGImages/a').iterdir())]
    found = list(ClipPredictor(built)(frames))
    assert [frame.name for frame in found] == sorted(wanted)
    for frame in found:
        np.testing.assert_array_equal(frame.saliency, wanted[frame.name])


def test_no_more_than_two_windows_are_read_ahead():
    read = []

    def watched():
        for name, frame in stream(40):
            read.append(name)
            yield name, frame

    for done, _ in enumerate(ClipPredictor(model())(watched()), start=1):
        assert len(read) - done < 8


def test_frames_of_another_size_are_named():
    frames = [('0', image(0)), ('1', image(0, (10, 12)))]
    with pytest.raises(DataError, match='1 has another size'):
        list(ClipPredictor(model())(frames))


def test_a_model_without_weights_is_refused():
    built = model()
    built.weights_source = None
    with pytest.raises(CheckpointError, match='no trained weights'):
        ClipPredictor(built)


def test_maps_and_overlay_of_a_folder_are_written(tmp_path):
    images, _ = write_video(tmp_path / 'set', 'a', 6, size=(25, 33))
    assert predict_video(ClipPredictor(model()), images, tmp_path / 'out') == 6
    assert read_map(tmp_path / 'out/mask/00005.png').shape == (25, 33)
    capture = cv2.VideoCapture(str(tmp_path / 'out/overlay.mp4'))
    frames = 0
    while capture.read()[0]:
        frames += 1
    assert frames == 6


def test_an_unreadable_video_is_named_and_leaves_no_overlay(tmp_path):
    path = tmp_path / 'broken.mp4'
    path.write_bytes(b'\0' * 100)
    with pytest.raises(DataError, match=r'broken\.mp4'):
        predict_video(ClipPredictor(model()), path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('suffix', 'share'), [('.avi', 0.5), ('.mkv', 0.5)])
def test_a_video_that_is_cut_off_gives_what_it_has_and_is_named(tmp_path, suffix, share):
    noise = np.random.default_rng(0)
    path = tmp_path / f'video{suffix}'
    with VideoWriter(path) as video:
        for _ in range(20):
            video.write(noise.integers(0, 256, (48, 64, 3), np.uint8))
    data = path.read_bytes()
    assert predict_video(ClipPredictor(model()), path, tmp_path / 'whole') == 20
    path.write_bytes(data[: int(len(data) * share)])
    # A repeated call finds all done, and says it again.
    for _ in range(2):
        source = FrameSource(path)
        count = predict_video(ClipPredictor(model()), source, tmp_path / 'out')
        assert f'video{suffix} is cut off or damaged: ' in source.damage
        assert f'The {count} frames that can be decoded are used' in source.damage
    maps = len(list((tmp_path / 'out/mask').iterdir()))
    assert 0 < maps == count < 20
    assert count_frames(tmp_path / 'out/overlay.mp4') == count


def test_a_cut_off_video_that_has_lost_its_index_is_named_before_anything_is_written(tmp_path):
    path = tmp_path / 'video.mp4'
    with VideoWriter(path) as video:
        for index in range(8):
            video.write(image(index, (48, 64)))
    # Other programs put the index behind the frames, where a cut takes it away.
    data = path.read_bytes()
    place = data.index(b'moov') - 4
    path.write_bytes(data[:place] + data[place + int.from_bytes(data[place : place + 4], 'big') :])
    with pytest.raises(DataError, match=r'video\.mp4'):
        predict_video(ClipPredictor(model()), path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_batches_hold_one_window():
    RUN.clear()
    list(ClipPredictor(model())(stream(9)))
    assert RUN == [4, 4, 4]
    assert torch.is_grad_enabled()
