import numpy as np
import pytest

from salseg.evaluation.functional import saliency_scores
from tests.evaluation.functional import plain


def test_the_curve_equals_the_pixelwise_formula_at_every_threshold():
    rng = np.random.default_rng(0)
    for shape in ((3, 5), (17, 23), (30, 11)):
        grey, mask = plain.blobs(rng, shape)
        expected = [plain.e_measure(b, mask) for b in plain.binaries(plain.rescaled(grey))]
        np.testing.assert_allclose(saliency_scores(grey, mask, metrics=('e',))['e_curve'], expected, atol=1e-12)


def test_a_perfect_map_scores_slightly_above_one():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:4] = True
    scores = saliency_scores(mask.astype(np.uint8) * 255, mask, metrics=('e',))
    assert scores['e_curve'][0] == pytest.approx(20 / 19)


def test_an_empty_ground_truth_counts_rejected_pixels():
    scores = saliency_scores(np.zeros((4, 5), np.uint8), np.zeros((4, 5), bool), metrics=('e',))
    assert scores['e_curve'][:-1] == pytest.approx(20 / 19)
    # At threshold 0 everything is predicted, and so it is at the adaptive threshold of an all-zero map.
    assert scores['e_curve'][-1] == 0
    assert scores['adaptive_e'] == 0


def test_a_full_ground_truth_counts_predicted_pixels():
    grey = np.zeros((2, 5), np.uint8)
    grey[0] = 255
    scores = saliency_scores(grey, np.ones((2, 5), bool), metrics=('e',))
    assert scores['e_curve'][0] == pytest.approx(5 / 9)
