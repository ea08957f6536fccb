import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import label_scores, segtrack_summary, youtube_vos_summary
from tests.evaluation.functional.test_davis import video


def test_an_object_is_scored_after_the_frame_that_gives_it():
    truth, prediction = video()
    scores = label_scores(truth, prediction, {1: 0, 2: 2})
    assert scores.objects == (1, 2)
    assert np.isnan(scores.region).tolist() == [[True] + 4 * [False], 3 * [True] + 2 * [False]]
    counted = label_scores(truth, prediction, {1: 0, 2: 2}, given_counts=True)
    assert np.isnan(counted.boundary).sum() == 2


def test_an_object_given_in_the_last_frame_is_an_error():
    truth, prediction = video()
    with pytest.raises(DataError, match='object 2 is given in frame 4'):
        label_scores(truth, prediction, {1: 0, 2: 4})


def test_g_is_the_mean_of_four():
    summary = youtube_vos_summary([0.9, 0.7, 0.5], [0.8, 0.6, 0.4], [True, False, True])
    assert summary == pytest.approx(dict(J_seen=0.7, F_seen=0.6, J_unseen=0.7, F_unseen=0.6, G=0.65))


def test_g_needs_both_kinds_of_objects():
    with pytest.raises(DataError, match='all 2 objects are seen'):
        youtube_vos_summary([0.9, 0.7], [0.8, 0.6], [True, True])
    with pytest.raises(DataError, match='2 values of J, 1 of F'):
        youtube_vos_summary([0.9, 0.7], [0.8], [True, False])


def test_segtrack_averages_over_frames_then_over_objects():
    truth, prediction = video()
    scores = label_scores(truth, prediction, {1: 0, 2: 0})
    one = label_scores(*video(objects=1, frames=9), {1: 0})
    expected = np.mean([*np.nanmean(scores.region, axis=1), np.nanmean(one.region)])
    assert segtrack_summary([scores, one])['J_mean'] == pytest.approx(expected)
    with pytest.raises(DataError, match='no object'):
        segtrack_summary([])
