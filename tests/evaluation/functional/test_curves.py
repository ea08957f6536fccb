import numpy as np
import pytest

from salseg.evaluation.functional import saliency_scores
from salseg.evaluation.functional.curves import area_under_roc, average_precision, f_measure
from tests.evaluation.functional import plain

SHAPES = [(1, 7), (9, 1), (3, 5), (20, 31), (41, 27)]


@pytest.mark.parametrize('shape', SHAPES)
def test_curves_equal_256_passes_over_the_float_map(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(5):
        grey, mask = plain.blobs(rng, shape)
        scores = saliency_scores(grey, mask, metrics=('f', 'iou', 'roc'))
        binaries = plain.binaries(plain.rescaled(grey))
        expected = np.array([(*plain.precision_recall(b, mask), plain.f_measure(b, mask)) for b in binaries]).T
        for name, curve in zip(('precision', 'recall', 'f'), expected):
            np.testing.assert_allclose(scores[f'{name}_curve'], curve, atol=1e-12)
        union = [plain.divided(np.sum(b & mask), np.sum(b | mask)) for b in binaries]
        np.testing.assert_allclose(scores['iou_curve'], union, atol=1e-12)
        false_rate = [plain.divided(np.sum(b & ~mask), np.sum(~mask)) for b in binaries]
        np.testing.assert_allclose(scores['false_positive_rate_curve'], false_rate, atol=1e-12)


def test_the_first_value_of_a_curve_belongs_to_the_highest_threshold():
    grey = np.array([[0, 100, 255]], np.uint8)
    scores = saliency_scores(grey, np.array([[False, True, True]]), metrics=('f',))
    assert scores['recall_curve'][0] == 0.5
    assert scores['precision_curve'][0] == 1
    assert scores['recall_curve'][-1] == 1
    assert scores['precision_curve'][-1] == pytest.approx(2 / 3)
    assert np.flatnonzero(np.diff(scores['recall_curve'])).tolist() == [255 - 100 - 1]


def test_the_adaptive_threshold_is_twice_the_mean_of_the_rescaled_map():
    rng = np.random.default_rng(1)
    for _ in range(20):
        grey, mask = plain.blobs(rng, (13, 17), share=0.3)
        value = plain.rescaled(grey)
        binary = value >= min(2 * value.mean(), 1)
        scores = saliency_scores(grey, mask, metrics=('f', 'iou', 'e'))
        assert scores['adaptive_f'] == pytest.approx(plain.f_measure(binary, mask))
        assert scores['adaptive_iou'] == pytest.approx(np.sum(binary & mask) / np.sum(binary | mask))
        assert scores['adaptive_e'] == pytest.approx(plain.e_measure(binary, mask))


def test_a_value_of_exactly_twice_the_mean_is_object():
    # Mean 0.3, so the threshold is the middle level 0.6, whose float forms depend on the order of operations.
    grey = np.array([[0, 0, 3, 0, 5, 3, 0, 0, 3, 1]], np.uint8)
    assert 2 * (grey / 5).mean() == pytest.approx(0.6)
    scores = saliency_scores(grey, grey >= 3, metrics=('f',))
    assert scores['adaptive_f'] == 1


@pytest.mark.parametrize(('grey', 'predicts'), [(0, True), (128, False), (255, True)])
def test_a_constant_map_is_not_rescaled(grey, predicts):
    mask = np.zeros((4, 6), bool)
    mask[1:3] = True
    scores = saliency_scores(np.full((4, 6), grey, np.uint8), mask, metrics=('f', 'mae'))
    assert (scores['adaptive_f'] > 0) == predicts
    assert scores['mae'] == pytest.approx(0.5)
    # Mean + standard deviation is the value itself, which then counts as object.
    assert (scores['mustd_precision'], scores['mustd_recall']) == (0.5, 1)


def test_the_mean_deviation_threshold_uses_the_population_deviation():
    grey = np.array([[0, 0, 0, 0, 255, 180]], np.uint8)
    value = grey / 255
    low, high = value.mean() + value.std(), value.mean() + value.std(ddof=1)
    assert low < value[0, 5] < high
    assert saliency_scores(grey, grey > 0, metrics=('f',))['mustd_recall'] == 1


def test_area_under_roc_is_the_fraction_of_pairs_in_the_right_order():
    rng = np.random.default_rng(2)
    grey, mask = plain.blobs(rng, (12, 15), share=0.4)
    levels = np.floor(255 * plain.rescaled(grey))
    inside, outside = levels[mask][:, None], levels[~mask][None]
    expected = np.mean((inside > outside) + 0.5 * (inside == outside))
    assert saliency_scores(grey, mask, metrics=('roc',))['auc'] == pytest.approx(expected)


def test_average_precision_by_hand():
    # Levels 3 (hit), 2 (miss), 1 (hit): 1/2 * 1/1 + 1/2 * 2/3.
    scores = saliency_scores(np.array([[3, 2, 1, 0]], np.uint8), np.array([[True, False, True, False]]))
    assert scores['average_precision'] == pytest.approx(1 / 2 + 1 / 3)
    assert average_precision(np.array([1.0, 0.5, 2 / 3]), np.array([0.5, 0.5, 1])) == pytest.approx(1 / 2 + 1 / 3)


def test_area_under_roc_starts_at_the_origin():
    assert area_under_roc(np.array([0.5, 1.0]), np.array([0.5, 1.0])) == pytest.approx(0.5)


def test_f_weighs_precision_more_than_recall():
    assert f_measure(1.0, 0.5) > f_measure(0.5, 1.0)
    assert f_measure(0.0, 0.0) == 0


@pytest.mark.parametrize('full', [False, True])
def test_areas_are_undefined_without_object_or_without_background(full):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    scores = saliency_scores(grey, np.full((3, 4), full), metrics=('roc',))
    assert np.isnan(scores['auc'])
    assert np.isnan(scores['average_precision'])
    assert np.isfinite(scores['precision_curve']).all()
