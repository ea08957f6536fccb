import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import (
    average_scores,
    group_level,
    image_level,
    saliency_scores,
    summarize_scores,
    video_level,
)
from tests.evaluation.functional import plain


def scores(number, seed=0, **options):
    rng = np.random.default_rng(seed)
    return [saliency_scores(*plain.blobs(rng, (11, 14)), **options) for _ in range(number)]


def test_the_largest_f_is_that_of_the_averaged_curve():
    found = scores(6)
    curves = np.array([s['f_curve'] for s in found])
    summary = image_level(found)
    assert summary['max_f'] == pytest.approx(curves.mean(axis=0).max())
    assert summary['mean_f'] == pytest.approx(curves.mean())
    assert summary['max_f'] < curves.max(axis=1).mean()


def test_every_image_every_group_or_every_video_counts_the_same():
    first, second = scores(5, seed=1), scores(3, seed=2)
    groups = {'first': first, 'second': second}

    def mae(found):
        return np.mean([s['mae'] for s in found])

    assert image_level(first + second)['mae'] == pytest.approx((5 * mae(first) + 3 * mae(second)) / 8)
    assert group_level(groups)['mae'] == pytest.approx((mae(first) + mae(second)) / 2)
    assert video_level(groups)['mae'] == pytest.approx((mae(first[1:-1]) + mae(second[1:-1])) / 2)
    assert video_level(groups, skip_first_last=False)['mae'] == group_level(groups)['mae']


def test_the_first_and_the_last_frame_of_a_video_do_not_matter():
    video, others = scores(5), scores(2, seed=9)
    changed = [others[0], *video[1:-1], others[1]]
    ours, theirs = (video_level({'v': frames}) for frames in (video, changed))
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def test_f_at_mean_and_deviation_comes_from_averaged_precision_and_recall():
    mean = dict(mustd_precision=0.5, mustd_recall=0.25)
    assert summarize_scores(mean)['mustd_f'] == pytest.approx(1.3 * 0.5 * 0.25 / (0.3 * 0.5 + 0.25))


def test_undefined_areas_are_left_out_and_other_nans_are_not():
    found = scores(3)
    found[1] = {**found[1], 'auc': float('nan'), 's_measure': float('nan')}
    mean = average_scores(found)
    assert mean['auc'] == pytest.approx((found[0]['auc'] + found[2]['auc']) / 2)
    assert np.isnan(mean['s_measure'])


def test_a_perfect_set_has_an_area_of_one_under_its_mean_curve():
    masks = [plain.blobs(np.random.default_rng(k), (9, 9), share=0.4)[1] for k in range(4)]
    summary = image_level(saliency_scores(255 * m.astype(np.uint8), m) for m in masks)
    assert summary['auc_of_mean_curve'] == pytest.approx(1)
    assert summary['average_precision_of_mean_curve'] == pytest.approx(1)


def test_scores_of_a_subset_of_metrics_can_be_summarised():
    summary = image_level(scores(2, metrics=('mae', 'e')))
    assert {'mae', 'max_e', 'mean_e', 'adaptive_e'} <= set(summary)
    assert 'max_f' not in summary


def test_nothing_to_average_is_an_error():
    with pytest.raises(DataError, match='not one image'):
        image_level([])
    with pytest.raises(DataError, match="group 'b' has no scored image"):
        group_level({'a': scores(1), 'b': []})


def test_a_video_of_two_frames_is_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match=r"video 'short' has 2 scored frames.*skip_first_last=False"):
        video_level({'short': scores(2)})


def test_images_scored_with_other_metrics_do_not_mix():
    with pytest.raises(DataError, match=r"score 1 has other metrics.*'s_measure'"):
        average_scores(scores(1, metrics=('mae',)) + scores(1, metrics=('mae', 's')))
