import cv2
import numpy as np
import pytest
import torch

from salseg.datasets.flow import (
    DISFlow,
    FarnebackFlow,
    FlowCache,
    FlowChain,
    FlowEstimator,
    FlowFiles,
    FramePair,
    RAFTFlow,
)
from salseg.datasets.flow.files import apply_geometry
from salseg.datasets.transforms import ComputeFlow, RandomReverse
from salseg.errors import ConfigError, DataError, WeightsError
from salseg.structures import FrameGeometry
from tests.datasets.video_folders import image

SIZE = (96, 128)


def pair(motion=3, **others):
    return FramePair(image(0, SIZE), image(motion, SIZE), 'set', 'video', '0', '1', **others)


class Counting(FlowEstimator):
    def __init__(self, value=1.0, shape=None):
        self.value, self.shape, self.calls = value, shape, 0

    def settings(self):
        return dict(type='Counting', value=self.value)

    def estimate(self, pair):
        self.calls += 1
        return np.full(self.shape or (*pair.first.shape[:2], 2), self.value + self.calls / 100, np.float32)


@pytest.mark.parametrize('estimator', [DISFlow(), DISFlow('fast'), FarnebackFlow()])
def test_a_shift_is_found_with_the_sign_that_warping_needs(estimator):
    flow = estimator(pair())[16:-16, 24:-24]
    assert abs(np.median(flow[..., 0]) - 3) < 0.2
    assert abs(np.median(flow[..., 1])) < 0.2


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError, match='preset'):
        DISFlow('slow')


def test_frames_of_different_sizes_have_no_flow():
    with pytest.raises(DataError, match='different sizes'):
        DISFlow()(FramePair(image(0, SIZE), image(0, (96, 64))))


def test_raft_wants_weights_that_are_there(tmp_path):
    with pytest.raises(WeightsError, match='no weights file'):
        RAFTFlow(str(tmp_path / 'raft.pth'))
    (tmp_path / 'raft.pth').write_bytes(b'no archive')
    with pytest.raises(WeightsError, match='no state dict of raft_small'):
        RAFTFlow(str(tmp_path / 'raft.pth'))


def test_the_worker_of_a_loader_is_told_how_to_use_a_gpu(tmp_path, monkeypatch):
    raft = pytest.importorskip('torchvision').models.optical_flow.raft_small(weights=None)
    torch.save(raft.state_dict(), tmp_path / 'raft.pth')
    flow = RAFTFlow(str(tmp_path / 'raft.pth'), device='cuda', updates=1)
    # What torch asks first when a process that was forked wants CUDA.
    monkeypatch.setattr(torch.cuda, '_is_in_bad_fork', lambda: True)
    monkeypatch.setattr(torch.cuda, '_initialized', False)
    with pytest.raises(
        ConfigError, match=r"device='cuda'\): Cannot re-initialize CUDA in forked(.|\n)*precompute flow --config"
    ):
        flow(pair())
    assert RAFTFlow(str(tmp_path / 'raft.pth'), updates=1).settings()['weights'] == flow.settings()['weights']


def test_a_chain_of_translations_is_their_sum_and_says_what_left():
    class Right(Counting):
        def estimate(self, pair):
            self.calls += 1
            return np.full((*pair.first.shape[:2], 2), (2, 0), np.float32)

    estimator = Right()
    chain = FlowChain(estimator, lambda index: np.zeros((6, 20, 3), np.uint8), step=2)
    assert chain.positions(0, 5) == [0, 2, 4, 5]
    assert chain.positions(5, 0) == [5, 3, 1, 0]
    flow, valid = chain(0, 8)
    np.testing.assert_allclose(flow, np.full((6, 20, 2), (8, 0)))
    assert valid.sum(axis=0).tolist() == [6] * 12 + [0] * 8
    chain(0, 6)
    assert estimator.calls == 4
    assert not chain(3, 3)[0].any()
    with pytest.raises(ConfigError, match='step=0'):
        FlowChain(estimator, len, step=0)


def test_an_estimator_has_one_name_in_configs_and_commands():
    assert isinstance(ComputeFlow('farneback').flow, FarnebackFlow)
    with pytest.raises(ConfigError, match='expected dis, farneback, raft, raft-large, or a config'):
        ComputeFlow('flownet')


def test_a_cache_gives_the_same_bits_without_asking_again(tmp_path):
    estimator = Counting()
    cache = FlowCache(estimator, tmp_path)
    first, second = cache(pair()), cache(pair())
    np.testing.assert_array_equal(first, second)
    assert (estimator.calls, cache.hits, cache.misses) == (1, 1, 1)
    np.testing.assert_array_equal(FlowCache(Counting(), tmp_path)(pair()), first)


@pytest.mark.parametrize('change', ['image', 'settings', 'size'])
def test_another_image_estimator_or_size_is_another_entry(tmp_path, change):
    FlowCache(Counting(), tmp_path)(pair())
    estimator = Counting(2.0 if change == 'settings' else 1.0)
    other = pair()
    if change == 'image':
        other.first[0, 0] ^= 1
    if change == 'size':
        other = FramePair(other.first[:50], other.second[:50], 'set', 'video', '0', '1')
    FlowCache(estimator, tmp_path)(other)
    assert estimator.calls == 1
    assert len(list(tmp_path.rglob('*.npz'))) == 2


def test_a_broken_entry_is_named(tmp_path):
    FlowCache(Counting(), tmp_path)(pair())
    (path,) = tmp_path.rglob('*.npz')
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match='is broken'):
        FlowCache(Counting(), tmp_path)(pair())


def test_a_file_of_another_size_than_its_image_is_refused(tmp_path):
    (tmp_path / 'video').mkdir()
    np.save(tmp_path / 'video/0_1.npy', np.zeros((10, 12, 2), np.float32))
    record = FrameGeometry.whole(*SIZE)
    files = FlowFiles(str(tmp_path), '{set}/{first}_{second}.npy')
    with pytest.raises(DataError, match='10x12, but its image is 96x128'):
        files(pair(first_geometry=record, second_geometry=record))


def test_a_missing_flow_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r'0_1\.flo does not exist'):
        FlowFiles(str(tmp_path))(pair())


def test_frames_that_were_cropped_apart_have_no_flow_from_files(tmp_path):
    (tmp_path / 'video').mkdir()
    cv2.writeOpticalFlow(str(tmp_path / 'video/0_1.flo'), np.zeros((*SIZE, 2), np.float32))
    whole = FrameGeometry.whole(*SIZE)
    with pytest.raises(DataError, match='cropped or mirrored differently'):
        FlowFiles(str(tmp_path))(pair(first_geometry=whole, second_geometry=whole.flipped()))


def test_vectors_of_files_follow_crop_scale_and_mirror():
    rows, columns = np.mgrid[:8, :12].astype(np.float32)
    flow = np.stack([columns, rows], axis=2)
    record = FrameGeometry.whole(8, 12).cropped(2, 1, 10, 5).scaled(8, 16)
    scaled = apply_geometry(flow, record)
    assert scaled.shape == (8, 16, 2)
    np.testing.assert_allclose(scaled[:, 8, 0].mean() / 2, 2 + 8.5 / 2 - 0.5, rtol=1e-4)
    mirrored = apply_geometry(flow, record.flipped())
    np.testing.assert_allclose(mirrored[:, ::-1] * [-1, 1], scaled)


def results(count):
    frames = [image(index, SIZE) for index in range(count)]
    ids = [str(index) for index in range(count)]
    return dict(
        dataset='set', set_id='video', frames=frames, frame_ids=ids, geometry=[FrameGeometry.whole(*SIZE)] * count,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def test_neighbours_are_seen_from_the_middle_frame():
    flow = ComputeFlow()(results(3))['flow']
    assert flow.shape == (2, 2, *SIZE)
    assert abs(np.median(flow[0, 0]) + 1) < 0.2
    assert abs(np.median(flow[1, 0]) - 1) < 0.2


def test_a_frame_paired_with_itself_does_not_move():
    flow = ComputeFlow(pairs='next')(results(2))['flow']
    assert np.abs(flow[0]).max() > 0.5
    assert np.abs(flow[1]).max() == 0


def test_neighbours_of_another_number_of_frames_are_refused():
    with pytest.raises(DataError, match='clips of three'):
        ComputeFlow()(results(4))


def test_a_reversed_clip_has_its_flow_from_the_turned_order():
    turned = ComputeFlow()(RandomReverse(1.0)(results(3)))['flow']
    np.testing.assert_array_equal(turned, ComputeFlow()(results(3))['flow'][::-1])


def test_reversing_behind_the_flow_is_refused():
    with pytest.raises(ConfigError, match='behind ComputeFlow'):
        RandomReverse(1.0)(ComputeFlow()(results(3)))
