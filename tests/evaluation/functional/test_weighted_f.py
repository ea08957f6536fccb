import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from salseg.evaluation.functional import saliency_pair, saliency_scores, weighted_f_measure
from salseg.evaluation.functional.weighted_f import REACH, spread_from_object
from tests.evaluation.functional import plain


@pytest.mark.parametrize('shape', [(1, 9), (3, 5), (31, 40), (64, 23)])
def test_equals_the_plain_formula(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(10):
        grey, mask = plain.blobs(rng, shape)
        expected = plain.weighted_f(plain.rescaled(grey), mask)
        # The distance is float32, so this is not exact to the last bit.
        assert saliency_scores(grey, mask, metrics=('weighted_f',))['weighted_f'] == pytest.approx(expected, abs=1e-6)


def test_a_sparse_object_gives_the_same_nearest_pixels_as_the_exact_transform():
    rng = np.random.default_rng(0)
    for share in (0.01, 0.05, 0.3, 0.7):
        mask = rng.random((40, 37)) < share
        values = rng.random(mask.shape)
        rows, columns = distance_transform_edt(~mask, return_distances=False, return_indices=True)
        padded = np.pad(mask, 3)
        near = np.lib.stride_tricks.sliding_window_view(padded, (7, 7)).any(axis=(2, 3))
        spread = spread_from_object(values, mask)
        np.testing.assert_array_equal(spread[near], values[rows, columns][near])
        np.testing.assert_array_equal(spread[~near], values[~near])


def test_distances_beyond_the_reach_do_not_matter():
    mask = np.zeros((8, 3 * REACH), bool)
    mask[2:5, :4] = True
    grey = np.random.default_rng(1).integers(0, 256, mask.shape).astype(np.uint8)
    expected = plain.weighted_f(plain.rescaled(grey), mask)
    assert weighted_f_measure(saliency_pair(grey, mask)) == pytest.approx(expected, abs=1e-6)


def test_a_false_alarm_far_away_costs_more_than_a_near_one():
    mask = np.zeros((20, 60), bool)
    mask[8:12, 4:10] = True
    near, far = (255 * mask.astype(np.uint8) for _ in range(2))
    near[9, 11], far[9, 55] = 255, 255
    assert weighted_f_measure(saliency_pair(near, mask)) > weighted_f_measure(saliency_pair(far, mask))


def test_a_value_is_the_same_to_the_last_bit_each_time():
    # OpenCV's distances are not: their last bit depends on where an array is in memory.
    for seed in range(4):
        pair = saliency_pair(*plain.blobs(np.random.default_rng(seed), (24, 31)))
        assert len({weighted_f_measure(pair) for _ in range(30)}) == 1


def test_perfect_and_empty():
    mask = np.zeros((9, 9), bool)
    mask[2:6, 3:8] = True
    assert weighted_f_measure(saliency_pair(255 * mask.astype(np.uint8), mask)) == pytest.approx(1)
    assert weighted_f_measure(saliency_pair(np.zeros((9, 9), np.uint8), np.zeros((9, 9), bool))) == 0


def test_the_last_bit_does_not_depend_on_where_arrays_lie_in_memory():
    rng = np.random.default_rng(3)
    grey, mask = plain.blobs(rng, (240, 320))
    results = set()
    for _ in range(30):
        # Kept alive for one round, so that the next arrays land elsewhere.
        elsewhere = [np.empty(rng.integers(1, 10**6), np.uint8) for _ in range(5)]
        results.add(weighted_f_measure(saliency_pair(grey.copy(), mask.copy())))
        del elsewhere
    assert len(results) == 1
