import numpy as np
import pytest
import torch

from salseg.errors import CheckpointError, DataError
from salseg.propagation import MergedPropagator, Prompt, Propagator, propagate
from salseg.structures import FrameInputs, SalDataSample
from tests.propagation.small import MODELS, SIZE, square, stream, video, xmem

both = pytest.mark.parametrize('make', MODELS.values(), ids=MODELS)


def two_objects():
    return Prompt.from_masks({7: square(0, 0), 3: square(24, 32)})


@both
def test_a_model_without_weights_is_refused_unless_allowed(make):
    with pytest.raises(CheckpointError, match='--random-weights'):
        Propagator(make())


@both
def test_labels_carry_the_users_ids_and_the_given_masks(make):
    result = stream(make()).step(video(1)[0], two_objects())
    assert result.object_ids == (3, 7)
    assert result.labels.dtype == np.uint8
    expected = 7 * square(0, 0) + 3 * square(24, 32)
    np.testing.assert_array_equal(result.labels, expected)
    torch.testing.assert_close(result.probability.sum(0), torch.ones(SIZE))


@both
def test_a_step_before_any_prompt_answers_background_and_leaves_no_trace(make):
    frames, model = video(4), make()
    early = stream(model)
    for frame in frames[:2]:
        result = early.step(frame)
        assert result.object_ids == ()
        assert not result.labels.any()
        assert early.memory.bytes == 0
    late = stream(model)
    for runner in (early, late):
        runner.step(frames[2], two_objects())
    torch.testing.assert_close(early.step(frames[3]).probability, late.step(frames[3]).probability, rtol=0, atol=0)


@both
def test_step_by_step_equals_the_generator_over_the_whole_video(make):
    frames, model = video(6), make()
    prompts = {0: two_objects(), 3: Prompt.from_masks({1: square(24, 0)})}
    whole = [r.labels for r in propagate(stream(model), iter(frames), prompts)]
    runner = stream(model)
    single = [runner.step(f, prompts.get(i), last=i == 5).labels for i, f in enumerate(frames)]
    np.testing.assert_array_equal(whole, single)


def sample_of(number, count, prompt=None):
    place = dict(frame_ids=[str(number)], frame_index=number, video_length=count)
    sample = SalDataSample(metainfo=dict(dataset='d', set_id='v', prompt_kind='mask', **place))
    if prompt is not None:
        sample.prompt = torch.from_numpy(prompt)
    return sample


@both
def test_the_test_loop_gives_the_labels_of_the_stream(make):
    frames, model, labels = video(4), make(), (5 * square(8, 8)).astype(np.uint8)
    runner = stream(model)
    expected = [runner.step(f, labels if i == 0 else None, last=i == 3).labels for i, f in enumerate(frames)]
    found = []
    for number, frame in enumerate(frames):
        data = dict(
            inputs=[torch.from_numpy(frame.transpose(2, 0, 1).copy())[None]],
            data_samples=[sample_of(number, 4, labels if number == 0 else None)],
        )
        with torch.no_grad():
            found += model.test_step(data)[0].pred_labels
    np.testing.assert_array_equal(found, expected)


def test_a_video_in_the_test_loop_must_begin_with_its_first_frame():
    model = xmem()
    with pytest.raises(DataError, match='whose first frame did not come'):
        model.predict(FrameInputs(torch.zeros(1, 1, 3, *SIZE)), [sample_of(2, 4)])
    with pytest.raises(DataError, match='frame by frame'):
        model.predict(FrameInputs(torch.zeros(1, 2, 3, *SIZE)), [sample_of(0, 4)])


@both
def test_objects_that_come_later_get_their_ids_and_the_others_keep_theirs(make):
    frames, runner = video(3), stream(make())
    runner.step(frames[0], two_objects())
    result = runner.step(frames[1], Prompt.from_masks({1: square(24, 0)}))
    assert result.object_ids == (3, 7, 1)
    assert (result.labels[square(24, 0)] == 1).all()
    assert runner.step(frames[2]).object_ids == (3, 7, 1)


@both
def test_an_id_given_again_is_corrected_and_not_doubled(make):
    frames, runner = video(3), stream(make())
    runner.step(frames[0], two_objects())
    result = runner.step(frames[1], Prompt.from_masks({7: square(8, 40)}))
    assert result.object_ids == (3, 7)
    assert (result.labels[square(8, 40)] == 7).all()
    assert not (result.labels[~square(8, 40)] == 7).any()


@both
def test_a_removed_object_is_gone_and_may_return_under_its_id(make):
    frames, runner = video(5), stream(make())
    runner.step(frames[0], two_objects())
    before = runner.memory.bytes
    runner.remove_objects([3])
    assert runner.memory.bytes < before
    assert set(np.unique(runner.step(frames[1]).labels)) <= {0, 7}
    back = runner.step(frames[2], Prompt.from_masks({3: square(0, 40)}))
    assert back.object_ids == (7, 3)
    assert (back.labels[square(0, 40)] == 3).all()
    runner.remove_objects([3, 7])
    assert runner.memory.bytes == 0
    assert runner.step(frames[3]).object_ids == ()
    with pytest.raises(DataError, match=r'objects \[9\] are not tracked'):
        runner.remove_objects([9])


@both
def test_thirty_objects_are_tracked_in_one_state(make):
    masks = {i + 1: square(8 * (i // 6), 8 * (i % 6), 8) for i in range(30)}
    runner = stream(make())
    first = runner.step(video(1)[0], Prompt.from_masks(masks))
    assert len(first.object_ids) == 30
    assert len(np.unique(first.labels)) == 31
    result = runner.step(video(2)[1])
    assert result.probability.shape == (31, *SIZE)
    assert torch.isfinite(result.probability).all()


@both
def test_a_prompt_on_the_last_frame_is_answered_and_the_video_then_is_over(make):
    frames, runner = video(3), stream(make())
    runner.step(frames[0], two_objects())
    result = runner.step(frames[1], Prompt.from_masks({9: square(24, 0)}), last=True)
    assert (result.labels[square(24, 0)] == 9).all()
    with pytest.raises(DataError, match=r'call reset\(\)'):
        runner.step(frames[2])
    runner.reset()
    assert runner.step(frames[2]).object_ids == ()


@both
def test_a_prompt_on_the_only_frame_is_answered(make):
    labels = stream(make()).step(video(1)[0], two_objects(), last=True).labels
    np.testing.assert_array_equal(labels, 7 * square(0, 0) + 3 * square(24, 32))


@both
def test_a_frame_of_another_size_is_refused_and_changes_nothing(make):
    frames, model = video(3), make()
    runner, plain = stream(model), stream(model)
    for each in (runner, plain):
        each.step(frames[0], two_objects())
    with pytest.raises(DataError, match='64x48') as caught:
        runner.step(video(1, (48, 72))[0])
    assert '72x48' in str(caught.value)
    np.testing.assert_array_equal(runner.step(frames[1]).labels, plain.step(frames[1]).labels)


@both
def test_a_new_object_needs_a_pixel_a_known_one_may_be_absent(make):
    frames, runner = video(2), stream(make())
    empty = np.zeros(SIZE, bool)
    with pytest.raises(DataError, match='new object 4 is empty'):
        runner.step(frames[0], Prompt.from_masks({4: empty}))
    runner.step(frames[0], two_objects())
    result = runner.step(frames[1], Prompt.from_masks({7: empty}))
    assert not (result.labels == 7).any()


def test_more_top_k_than_memory_reads_all_of_it():
    frames = video(2)
    answers = []
    for top_k in (12, 10**6):
        runner = stream(xmem(top_k=top_k))
        runner.step(frames[0], two_objects())
        assert runner.memory.elements['working'] == 12
        answers.append(runner.step(frames[1]).probability)
    torch.testing.assert_close(*answers)


@both
def test_going_on_from_a_snapshot_changes_no_label(make, tmp_path):
    frames, model = video(7), make()
    runner, other = stream(model), stream(model)
    runner.step(frames[0], two_objects())
    for frame in frames[1:4]:
        runner.step(frame)
    torch.save(runner.snapshot(), tmp_path / 'state.pth')
    other.restore(torch.load(tmp_path / 'state.pth', weights_only=True))
    for frame in frames[4:]:
        torch.testing.assert_close(runner.step(frame).probability, other.step(frame).probability, rtol=0, atol=0)
    assert other.object_ids == (3, 7)


@both
def test_a_box_is_filled_or_refined_inside_itself(make):
    frame, box = video(1)[0], (8, 8, 40, 40)
    inside = square(8, 8, 32)
    filled = stream(make()).step(frame, Prompt.from_boxes({2: box}, SIZE)).labels
    np.testing.assert_array_equal(filled == 2, inside)
    refined = stream(make(), box_prompt='refine').step(frame, Prompt.from_boxes({2: box}, SIZE)).labels
    assert (refined == 2).any()
    assert not (refined[~inside] == 2).any()


def test_refining_takes_what_the_model_finds_in_the_box():
    model = xmem()
    frame, prompt = video(1)[0], Prompt.from_boxes({2: (8, 8, 40, 40)}, SIZE)
    inner = stream(model)
    inner.step(frame, prompt)
    found = inner.step(frame).labels == 2
    expected = found & square(8, 8, 32)
    labels = stream(model, box_prompt='refine').step(frame, prompt).labels
    np.testing.assert_array_equal(labels == 2, expected if expected.any() else square(8, 8, 32))


@both
def test_odd_sizes_and_a_shorter_side_come_back_at_the_size_of_the_frame(make):
    frame = video(1, (45, 71))[0]
    for shorter_side in (None, 32):
        runner = stream(make(), shorter_side=shorter_side)
        runner.step(frame, Prompt.from_masks({1: square(8, 8, 20, (45, 71))}))
        assert runner.step(frame).labels.shape == (45, 71)


def test_an_object_too_small_for_the_network_size_keeps_a_pixel():
    runner = stream(xmem(), shorter_side=24)
    mask = np.zeros(SIZE, bool)
    mask[11, 13] = True
    assert runner.step(video(1)[0], Prompt.from_masks({1: mask})).object_ids == (1,)


def test_merged_runs_are_the_mean_of_their_floored_probabilities():
    frames, model = video(3), xmem()
    single = [stream(model), stream(model, shorter_side=32), stream(model, flip=True)]
    merged = MergedPropagator([stream(model), stream(model, shorter_side=32), stream(model, flip=True)])
    for number, frame in enumerate(frames):
        prompt = two_objects() if number == 0 else None
        parts = [torch.floor(run.step(frame, prompt).probability * 255) / 255 for run in single]
        torch.testing.assert_close(merged.step(frame, prompt).probability, sum(parts) / 3)


def test_flipping_frame_and_prompt_flips_the_answer():
    frames, model = video(2), xmem()
    plain, flipped = stream(model), stream(model, flip=True)
    mirrored = Prompt.from_masks({1: square(8, 8)[:, ::-1].copy()})
    plain.step(frames[0][:, ::-1], mirrored)
    flipped.step(frames[0], Prompt.from_masks({1: square(8, 8)}))
    expected = plain.step(frames[1][:, ::-1]).probability.flip(-1)
    torch.testing.assert_close(flipped.step(frames[1]).probability, expected)


@pytest.mark.parametrize('frame', [np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.float32)])
def test_a_frame_must_be_an_rgb_image(frame):
    with pytest.raises(DataError, match='uint8 RGB'):
        stream(xmem()).step(frame)


def test_a_prompt_for_a_frame_that_never_came_is_reported():
    with pytest.raises(DataError, match=r'frames \[5\], but the video has the frames 0 to 1'):
        list(propagate(stream(xmem()), iter(video(2)), {0: two_objects(), 5: two_objects()}))


@both
def test_an_object_that_left_keeps_its_id_and_is_tracked_again_when_shown(make):
    frames, runner = video(6), stream(make())
    runner.step(frames[0], two_objects())
    gone = Prompt.from_labels((3 * square(24, 32)).astype(np.uint8), known=runner.object_ids, exhaustive=True)
    assert not (runner.step(frames[1], gone).labels == 7).any()
    for frame in frames[2:4]:
        assert runner.step(frame).object_ids == (3, 7)
    back = runner.step(frames[4], Prompt.from_masks({7: square(8, 40)}))
    assert back.object_ids == (3, 7)
    assert (back.labels[square(8, 40)] == 7).all()
    assert torch.isfinite(runner.step(frames[5]).probability).all()


@both
def test_confidence_is_the_mean_probability_over_the_mask(make):
    runner = stream(make())
    runner.step(video(2)[0], two_objects())
    result = runner.step(video(2)[1])
    assert set(result.confidence) == {3, 7}
    for place, index in enumerate(result.object_ids, 1):
        mask = torch.from_numpy(result.labels == index)
        expected = float(result.probability[place][mask].double().mean()) if mask.any() else 0.0
        assert result.confidence[index] == pytest.approx(expected, abs=1e-9)
