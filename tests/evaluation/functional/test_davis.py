import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import (
    boundary_f,
    davis_summary,
    object_metrics,
    region_similarity_j,
    semi_supervised,
    single_object,
    unsupervised,
)


def video(frames=5, objects=2, seed=0):
    """Moving rectangles and a prediction that lags by a pixel."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((frames, 20, 30), np.uint8)
    for t in range(frames):
        for k in range(objects):
            top, left = 3 + 8 * k + t % 2, 4 + 6 * k + t
            truth[t, top : top + 5, left : left + 6] = k + 1
    prediction = np.roll(truth, 1, axis=2)
    prediction[rng.random(truth.shape) < 0.02] = 0
    return truth, prediction


def test_the_given_frame_and_the_last_one_do_not_count():
    truth, prediction = video()
    changed = prediction.copy()
    changed[[0, -1]] = 0
    np.testing.assert_array_equal(semi_supervised(truth, prediction).region, semi_supervised(truth, changed).region)
    assert semi_supervised(truth, prediction).region.shape == (2, 3)
    assert semi_supervised(truth, prediction, skip_first_last=False).region.shape == (2, 5)


def test_each_object_is_scored_against_its_own_label():
    truth, prediction = video()
    scores = semi_supervised(truth, prediction)
    for row, k in enumerate(scores.objects):
        for column, t in enumerate(range(1, 4)):
            masks = prediction[t] == k, truth[t] == k
            assert scores.region[row, column] == region_similarity_j(*masks)
            assert scores.boundary[row, column] == boundary_f(*masks)


def test_void_is_plain_background_when_the_mask_is_given_and_left_out_when_not():
    truth, prediction = video(objects=1)
    truth[:, :, -4:] = 255
    prediction[:, :4, -4:] = 1
    assert semi_supervised(truth, prediction).region.max() < unsupervised(truth, prediction).region[:, 1:-1].max()


def test_a_missing_object_scores_zero_and_a_surplus_one_is_refused():
    truth, prediction = video()
    assert (semi_supervised(truth, np.where(prediction == 2, 0, prediction)).region[1] == 0).all()
    prediction[2, 0, 0] = 3
    with pytest.raises(DataError, match=r'frame 2 of the prediction holds the label 3.*objects 1\.\.2'):
        semi_supervised(truth, prediction)


def test_objects_whose_labels_have_a_gap_are_refused():
    truth, prediction = video()
    truth[truth == 2] = 4
    with pytest.raises(DataError, match=r'labels \[1, 4\]; expected 1\.\.2 without a gap'):
        semi_supervised(truth, prediction)


def test_proposals_find_their_objects_whatever_their_numbers():
    truth, prediction = video(objects=2)
    plain = unsupervised(truth, prediction)
    renamed = np.choose(prediction, np.array([0, 7, 3], np.uint8))
    shuffled = unsupervised(truth, renamed)
    np.testing.assert_array_equal(plain.region, shuffled.region)
    np.testing.assert_array_equal(plain.boundary, shuffled.boundary)
    assert plain.region.shape == (2, 5)


def test_one_proposal_serves_one_object():
    truth, _ = video(objects=2)
    merged = (truth > 0).astype(np.uint8)
    means = unsupervised(truth, merged).region.mean(axis=1)
    assert np.sort(means)[0] == 0
    assert np.sort(means)[1] > 0.3


def test_too_many_proposals_are_refused():
    truth, prediction = video()
    prediction[0, 0, 0] = 21
    with pytest.raises(DataError, match='label 21; at most 20 proposals'):
        unsupervised(truth, prediction)


def test_a_foreground_is_everything_above_zero():
    truth, prediction = video(objects=2)
    both = single_object(truth, prediction)
    binary = single_object(255 * (truth > 0).astype(np.uint8), prediction > 0)
    np.testing.assert_array_equal(both.region, binary.region)
    one = video(objects=1)
    np.testing.assert_array_equal(single_object(*one).region, semi_supervised(*one).region)


def test_every_object_counts_the_same_not_every_sequence():
    one, two = semi_supervised(*video(objects=1)), semi_supervised(*video(objects=2, seed=1))
    summary = davis_summary({'one': one, 'two': two})
    regions = np.concatenate([one.region, two.region]).mean(axis=1)
    assert summary['J_mean'] == pytest.approx(regions.mean())
    assert summary['J&F'] == pytest.approx((summary['J_mean'] + summary['F_mean']) / 2)
    assert list(object_metrics({'one': one, 'two': two})) == ['one_1', 'two_1', 'two_2']


def test_frames_may_come_from_any_sequence():
    truth, prediction = video()
    ours, theirs = semi_supervised(truth, prediction), semi_supervised(list(truth), tuple(prediction))
    np.testing.assert_array_equal(ours.boundary, theirs.boundary)


@pytest.mark.parametrize('score', [semi_supervised, single_object, unsupervised])
def test_videos_that_do_not_fit_are_refused(score):
    truth, prediction = video()
    with pytest.raises(DataError, match='ground truth has 5 frames, the prediction 4'):
        score(truth, prediction[:4])
    with pytest.raises(DataError, match=r'prediction has shape \(20, 29\), the ground truth \(20, 30\)'):
        score(truth, prediction[:, :, :-1])
    with pytest.raises(DataError, match='prediction is float64'):
        score(truth, prediction.astype(float))


def test_a_video_without_inner_frames_is_refused():
    truth, prediction = video(frames=2)
    with pytest.raises(DataError, match='no frame is left to score: the video has 2, and the first'):
        semi_supervised(truth, prediction)
    assert unsupervised(truth, prediction).region.shape == (2, 2)


def test_a_first_frame_without_object_is_refused():
    truth, prediction = video()
    truth[0] = 0
    with pytest.raises(DataError, match='no object'):
        semi_supervised(truth, prediction)


def test_no_sequence_is_an_error():
    with pytest.raises(DataError, match='no sequence'):
        davis_summary({})
