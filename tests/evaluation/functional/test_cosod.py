import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import cosod_scores, cosod_summary
from tests.evaluation.functional import plain


def plain_curves(grey, truth):
    """One pass per threshold over float32 images, as the protocol's own code is written."""
    value, truth = (a.astype(np.float32) / np.float32(255) for a in (grey, truth))
    value = (value - value.min()) / (value.max() - value.min() + np.float32(1e-20))
    curves = {'precision_curve': [], 'recall_curve': [], 'e_curve': []}
    truth = truth.astype(np.float64)
    for threshold in np.linspace(0, 1 - 1e-10, 255).astype(np.float32):
        binary = (value >= threshold).astype(np.float64)
        hit = (binary * truth).sum()
        curves['precision_curve'].append(hit / (binary.sum() + 1e-20))
        curves['recall_curve'].append(hit / (truth.sum() + 1e-20))
        a, b = binary - binary.mean(), truth - truth.mean()
        enhanced = (2 * a * b / (a * a + b * b + 1e-20) + 1) ** 2 / 4
        curves['e_curve'].append(enhanced.sum() / (truth.size - 1))
    return curves


@pytest.mark.parametrize('grey_truth', [False, True])
def test_curves_equal_255_passes_over_the_images(grey_truth):
    rng = np.random.default_rng(3)
    grey, mask = plain.blobs(rng, (19, 26))
    truth = 255 * mask.astype(np.uint8)
    if grey_truth:
        truth = np.clip(truth.astype(int) + rng.integers(-60, 60, truth.shape), 0, 255).astype(np.uint8)
    scores = cosod_scores(grey, truth)
    for name, curve in plain_curves(grey, truth).items():
        np.testing.assert_allclose(scores[name], curve, atol=1e-6, err_msg=name)


def test_the_error_is_that_of_the_map_as_it_is():
    grey, truth = np.full((5, 5), 51, np.uint8), np.zeros((5, 5), np.uint8)
    grey[0, 0] = 102
    assert cosod_scores(grey, truth)['mae'] == pytest.approx((24 * 0.2 + 0.4) / 25)


def test_a_map_of_another_size_is_brought_to_that_of_the_ground_truth():
    truth = np.zeros((12, 18), np.uint8)
    truth[3:8, 4:11] = 255
    assert cosod_scores(np.zeros((6, 9), np.uint8), truth)['mae'] == pytest.approx(truth.mean() / 255)


def test_perfect_maps_reach_the_ends_of_all_scales():
    truths = []
    for k in range(3):
        truths.append(np.zeros((20, 20), np.uint8))
        truths[-1][2 + k : 9, 3 : 12 + k] = 255
    summary = cosod_summary(cosod_scores(t, t) for t in truths)
    assert summary['max_f'] == pytest.approx(1)
    assert summary['s_measure'] == pytest.approx(1)
    assert summary['average_precision'] == pytest.approx(1)
    assert summary['mae'] == 0
    assert summary['max_e'] == pytest.approx(400 / 399)


@pytest.mark.parametrize('value', [0, 255])
def test_an_empty_or_full_ground_truth_has_a_structure_but_no_special_alignment(value):
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    scores = cosod_scores(grey, np.full((4, 4), value, np.uint8))
    mean = (grey / 15).mean()
    assert scores['s_measure'] == pytest.approx(mean if value else 1 - mean)
    np.testing.assert_allclose(scores['e_curve'], 16 * 0.25 / 15)


def test_float_maps_are_refused():
    with pytest.raises(DataError, match=r'prediction is float64.*8-bit grey'):
        cosod_scores(np.zeros((4, 4)), np.zeros((4, 4), np.uint8))
