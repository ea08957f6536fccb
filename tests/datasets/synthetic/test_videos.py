import tracemalloc

import numpy as np
import pytest

from salseg.datasets.synthetic import boxes_of_labels, draw_video
from salseg.errors import DataError


def interior(labels):
    """Pixels whose eight neighbours are in the image and have the same label."""
    padded = np.pad(labels, 1, constant_values=255)
    height, width = labels.shape
    shifts = [padded[1 + i : 1 + i + height, 1 + j : 1 + j + width] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return np.all([shift == labels for shift in shifts], axis=0)


def landing(flow):
    """Row and column of the pixel in which each flow vector ends, clipped to the image."""
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width]
    row, column = np.rint(y + flow[..., 1]).astype(int), np.rint(x + flow[..., 0]).astype(int)
    return np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)


def test_frames_can_be_asked_for_in_any_order():
    video = draw_video(0, 'train', 2, length=9, size=48)
    last = video.frame(8)
    in_order = list(video)
    again = draw_video(0, 'train', 2, length=9, size=48).frame(8)
    assert len(in_order) == len(video) == 9
    for frame in (in_order[8], again):
        assert frame.image.tobytes() == last.image.tobytes()
        assert frame.labels.tobytes() == last.labels.tobytes()


def test_a_longer_video_begins_like_a_shorter_one():
    short, long = (draw_video(0, 'train', 0, length=length, size=48) for length in (5, 500))
    assert short.frame(4).image.tobytes() == long.frame(4).image.tobytes()


def test_videos_of_other_splits_and_indices_differ():
    frames = [
        draw_video(0, split, index, size=48).frame(0).image.tobytes()
        for split in ('train', 'val')
        for index in range(4)
    ]
    assert len(set(frames)) == len(frames)


@pytest.mark.parametrize('options', [{}, {'objects': 3, 'distractors': 1, 'max_step': 14.0}, {'camera': False}])
def test_flow_carries_the_labels_of_a_frame_onto_the_next(options):
    video = draw_video(1, 'train', 0, length=40, size=(80, 110), **options)
    for t in (0, 13, 38):
        now, later, (flow, visible) = video.labels(t), video.labels(t + 1), video.flow(t)
        sure = visible & interior(now)
        assert sure.mean() > 0.3
        row, column = landing(flow)
        # The flow ends between pixels: on an outline the nearest pixel may be on its other side.
        sure &= interior(later)[row, column]
        assert np.array_equal(later[row, column][sure], now[sure])


def test_flow_finds_the_same_paint_again():
    video = draw_video(0, 'train', 3, length=30, size=96, max_step=24.0, leaving=False)
    for t in (4, 20):
        now, later = (video.frame(s).image.astype(float) for s in (t, t + 1))
        flow, visible = video.flow(t)
        row, column = landing(flow)
        carried = np.abs(later[row, column] - now)[visible].mean()
        assert carried < 0.75 * np.abs(later - now)[visible].mean()


def test_what_is_not_visible_in_the_next_frame_has_left_or_is_covered():
    video = draw_video(0, 'train', 1, length=60, size=64, max_step=16.0)
    for t in range(0, 59, 13):
        flow, visible = video.flow(t)
        y, x = np.mgrid[:64, :64] + 0.5
        outside = (np.abs(x + flow[..., 0] - 32) >= 32) | (np.abs(y + flow[..., 1] - 32) >= 32)
        assert not visible[outside].any()
        row, column = landing(flow)
        now, later = video.labels(t), video.labels(t + 1)
        lost = ~outside & ~visible & (now > 0) & interior(later)[row, column]
        assert (later[row, column] != now)[lost].all()


@pytest.mark.parametrize('max_step', [2.0, 8.0, 20.0])
def test_no_point_moves_farther_than_the_longest_step(max_step):
    longest = 0.0
    for index in range(3):
        video = draw_video(0, 'train', index, length=60, size=64, objects=3, max_step=max_step, late=True)
        longest = max(longest, *(float(np.hypot(*np.moveaxis(video.flow(t)[0], -1, 0)).max()) for t in range(0, 59, 7)))
    assert 0.25 * max_step < longest <= max_step


def test_a_still_scene_has_no_flow_and_hides_nothing():
    video = draw_video(0, 'train', 0, length=3, size=48, max_step=0.0)
    flow, visible = video.flow(1)
    assert np.abs(flow).max() < 1e-4
    assert visible.all()
    assert np.array_equal(video.labels(0), video.labels(2))
    assert not np.array_equal(video.frame(0).image, video.frame(2).image), 'the noise of each frame is its own'


def test_all_objects_are_visible_at_the_start_but_the_late_one():
    for index in range(6):
        assert set(np.unique(draw_video(0, 'val', index, size=64, objects=3).labels(0))) == {0, 1, 2, 3}
        late = draw_video(0, 'val', index, length=200, size=64, objects=3, late=True, max_step=16.0)
        assert set(np.unique(late.labels(0))) == {0, 1, 2}
        assert any((late.labels(t) == 3).any() for t in range(0, 200, 10))


def test_the_first_object_leaves_and_returns():
    for index in range(4):
        video = draw_video(0, 'train', index, length=240, size=64, max_step=12.0, occluders=0, objects=1)
        seen = [bool((video.labels(t) == 1).any()) for t in range(0, 240, 4)]
        away = seen.index(False)
        assert seen[0]
        assert any(seen[away:])


def test_an_occluder_hides_objects_and_has_no_label():
    free, covered = (draw_video(0, 'train', 5, length=60, size=64, occluders=n, camera=False) for n in (0, 4))
    assert sum((covered.labels(t) > 0).sum() for t in range(0, 60, 6)) < sum(
        (free.labels(t) > 0).sum() for t in range(0, 60, 6)
    )
    assert covered.labels(0).max() <= 2


def test_look_alikes_share_their_looks_and_others_need_not():
    alike = [draw_video(0, 'train', index, objects=3).object_names for index in range(12)]
    assert all(names[0] == names[1] for names in alike)
    assert any(names[0] != names[2] for names in alike)
    free = [draw_video(0, 'train', index, look_alikes=False).object_names for index in range(12)]
    assert any(names[0] != names[1] for names in free)


@pytest.mark.parametrize('hidden', ['frame', 'object'])
def test_one_of_every_four_frames_is_hidden_by_noise_and_its_truth_stays(hidden):
    clear, noisy = (draw_video(0, 'train', 0, length=24, size=64, leaving=False, hidden=how) for how in (None, hidden))
    for t, (frame, under) in enumerate(zip(noisy, clear)):
        assert np.array_equal(frame.labels, under.labels), t
        if not frame.hidden:
            assert np.array_equal(frame.image, under.image), t
            continue
        change = np.abs(frame.image.astype(int) - under.image)
        objects = under.labels > 0
        assert change[objects].mean() > 30
        assert (change[~objects].mean() < change[objects].mean()) == (hidden == 'object') or hidden == 'frame'
    flags = np.array([frame.hidden for frame in noisy]).reshape(-1, 4)
    assert (flags.sum(axis=1) == 1).all()
    assert len(set(flags.argmax(axis=1))) > 1


def test_boxes_are_the_smallest_ones_around_what_is_visible():
    labels = np.zeros((10, 12), dtype=np.uint8)
    labels[2:5, 3:9] = 1
    labels[9, 11] = 3
    boxes, valid = boxes_of_labels(labels, 3)
    assert boxes.tolist() == [[3, 2, 9, 5], [0, 0, 0, 0], [11, 9, 12, 10]]
    assert valid.tolist() == [True, False, True]
    frame = draw_video(0, 'train', 0, size=48, objects=2).frame(0)
    again, present = boxes_of_labels(frame.labels, 2)
    assert np.array_equal(frame.boxes, again)
    assert np.array_equal(frame.box_valid, present)


def test_scribbles_of_a_frame_lie_on_its_objects():
    video = draw_video(0, 'train', 0, size=64)
    scribble, mask = video.scribble(7), video.labels(7) > 0
    assert mask[scribble == 1].all()
    assert not mask[scribble == 2].any()
    assert (scribble > 0).mean() < 0.04


def test_a_long_video_takes_no_more_memory_than_a_short_one():
    def peak(length):
        tracemalloc.start()
        for frame in draw_video(0, 'train', 0, length=length, size=48):
            assert frame.image.any()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(40) < 1.5 * peak(4)


def test_bad_input_is_named():
    for options, message in (
        ({'length': 0}, 'length is 0'),
        ({'objects': 0}, 'objects is 0'),
        ({'occluders': -1}, 'occluders -1'),
        ({'max_step': -1.0}, 'max_step is -1'),
        ({'hidden': 'all'}, "'frame', 'object'"),
    ):
        with pytest.raises(DataError, match=message):
            draw_video(0, 'train', 0, **options)
    video = draw_video(0, 'train', 0, length=3, size=48)
    with pytest.raises(DataError, match='frames 0 to 2; frame 3'):
        video.frame(3)
    with pytest.raises(DataError, match='last of 3'):
        video.flow(2)
