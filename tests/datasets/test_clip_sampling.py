import pytest

from salseg.datasets.sampling import clip_indices, even_positions, triplet_indices, windows


def test_training_clips_share_a_frame_and_the_last_may_come_twice():
    assert windows(range(7), 4, 3, repeat_exact=True) == [[0, 1, 2, 3], [3, 4, 5, 6], [3, 4, 5, 6]]
    assert windows(range(7), 4, 3) == [[0, 1, 2, 3], [3, 4, 5, 6]]


@pytest.mark.parametrize('count', range(1, 12))
def test_windows_without_overlap_hold_every_position(count):
    clips = windows(range(count), 4, 4)
    assert {frame for clip in clips for frame in clip} == set(range(count))
    assert all(len(clip) == 4 for clip in clips)
    assert len(clips) == max(1, -(-count // 4))


@pytest.mark.parametrize(('start', 'end', 'count', 'wanted'), [
    (0, 20, 7, [3, 5, 8, 10, 13, 15, 18]),
    (0, 5, 1, [3]),
    (10, 12, 4, [11]),
    (4, 5, 2, []),
])  # fmt: skip
def test_even_positions_lie_strictly_between(start, end, count, wanted):
    assert even_positions(start, end, count) == wanted


def test_even_positions_are_mirror_images_up_to_a_frame():
    for gap in range(2, 60):
        for count in range(1, gap):
            positions = even_positions(0, gap, count)
            assert len(set(positions)) == len(positions) == min(count, gap - 1)
            steps = [b - a for a, b in zip([0, *positions], [*positions, gap])]
            assert max(steps) - min(steps) <= 1


def test_released_spacing_leaves_the_end_of_an_interval_empty():
    released = [middle for _, middle, _ in triplet_indices([0, 20], 7, 20, 'released')]
    assert released == [2, 4, 6, 8, 10, 12, 14]


def test_irregular_annotations_give_no_frame_outside_their_pair():
    assert triplet_indices([0, 3, 20], 3, 8, 'released') == [(0, 2, 3), (3, 5, 20), (3, 7, 20), (3, 9, 20)]


def test_a_frame_beyond_the_video_is_refused():
    with pytest.raises(ValueError, match='beyond the 6 frames'):
        clip_indices(6, [0, 5, 5], length=3, nominal_interval=9, between=1, training=False)


def test_inference_keeps_all_annotations():
    plan = clip_indices(9, list(range(9)), length=3, label_interval=4, training=False)
    assert plan.labelled == list(range(9))
    assert plan.clips == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_clips_of_one_frame_end():
    assert clip_indices(3, [0, 1, 2], length=1, training=False).clips == [[0], [1], [2]]
    assert clip_indices(3, [0, 1, 2], length=1, training=True).clips == [[0], [1], [2]]


def test_a_video_without_annotation_gives_no_clips():
    with pytest.raises(ValueError, match='without annotated frames'):
        clip_indices(5, [], length=3)


def test_a_video_too_short_for_a_clip_repeats_its_last_frame_or_gives_none():
    assert clip_indices(400, [0, 300], length=3, label_interval=1).clips == [[0, 300, 300]] * 2
    assert clip_indices(400, [0, 300], length=3, label_interval=1, short='skip').clips == []
    assert clip_indices(700, [0, 300, 600], length=3, short='skip').clips == [[0, 300, 600], [0, 300, 600]]


@pytest.mark.parametrize('interval', [1, 2, 5, 20])
def test_no_triplet_of_a_generator_holds_its_target_as_a_neighbour(interval):
    for count in range(1, 60):
        labels = [15 * index for index in range(count)]
        options = dict(length=3, label_interval=interval, nominal_interval=15, short='skip')
        clips = clip_indices(15 * count, labels, **options).clips
        assert bool(clips) == (len(labels[::interval]) >= 3)
        clips += triplet_indices(labels[::interval], 7, 15 * interval)
        assert all(left < target < right for left, target, right in clips)
