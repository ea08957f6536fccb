"""Which frames of a video the contrastive model's clips hold."""

import numpy as np
import pytest

from salseg.datasets import VideoSaliencyDataset
from salseg.datasets.sampling.clips import stratified_clip
from tests.datasets.video_folders import write_video
from tests.needs import needs_project
from tests.recipes.built import config

needs_project('contrastive_vsod')

PLACE = 'projects/contrastive_vsod/configs/contrastive-vsod_'
FRAMES = 81


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp('videos')
    write_video(root, 'a', FRAMES, size=(8, 8))
    write_video(root, 'b', 16, size=(8, 8))
    return root


def clips(name, root, count):
    """Frames of the first draws of the video part of a config."""
    node = dict(config(PLACE + name).train_dataloader.dataset.datasets[0])
    node = {key: value for key, value in node.items() if key not in ('type', 'list_file', 'videos')}
    first = [step for step in node['pipeline'] if step['type'] == 'SampleClip']
    dataset = VideoSaliencyDataset(**{**node, 'data_root': str(root), 'pipeline': first})
    return [(item['set_id'], [int(f) for f in item['frame_ids']]) for item in map(dataset.__getitem__, range(count))]


@pytest.mark.parametrize('name', ['r101_paper_images-davis-473', 'lite0_synthetic-160'])
def test_samples_come_from_the_whole_video(name, videos):
    drawn = clips(name, videos, 200)
    assert {len(frames) for _, frames in drawn} == {8}
    spans = [frames[-1] - frames[0] for video, frames in drawn if video == 'a']
    assert min(spans) > FRAMES * 6 / 8
    eighths = [[frame * 8 // FRAMES for frame in frames] for video, frames in drawn if video == 'a']
    assert (np.abs(np.array(eighths) - np.arange(8)) <= 1).all()
    assert {frame for video, frames in drawn for frame in frames if video == 'a'} == set(range(FRAMES))


def test_the_consecutive_form_stands_beside_it(videos):
    drawn = clips('r101_paper-consecutive_images-davis-473', videos, 10)
    assert all(np.diff(frames).tolist() == [1] * 7 for _, frames in drawn)


def test_a_stratum_gives_one_frame_and_a_short_video_is_refused():
    rng = np.random.default_rng(0)
    assert stratified_clip(8, 8, 0, rng) == list(range(8))
    found = np.array([stratified_clip(80, 8, 0, rng) for _ in range(500)])
    assert (found // 10 == np.arange(8)).all()
    assert abs(found[:, 3].mean() - 34.5) < 0.6
    with pytest.raises(ValueError, match='7 frames gives no clip of 8'):
        stratified_clip(7, 8, 0, rng)
