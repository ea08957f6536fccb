import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import region_similarity_j
from salseg.evaluation.functional.region import overlap_matrix


def test_by_hand_and_both_empty():
    first, second = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert region_similarity_j(first, second) == 1
    first[0, :3], second[0, 1:] = True, True
    assert region_similarity_j(first, second) == 0.5


def test_void_counts_on_neither_side():
    prediction, truth, void = (np.zeros((3, 5), bool) for _ in range(3))
    prediction[0], truth[0, :3], void[0, 3:] = True, True, True
    assert region_similarity_j(prediction, truth) == pytest.approx(0.6)
    assert region_similarity_j(prediction, truth, void) == 1


def test_the_matrix_of_all_pairs_equals_one_pair_at_a_time():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 4, (12, 9)).astype(np.uint8), rng.integers(0, 5, (12, 9)).astype(np.uint8)
    truth[truth == 2] = 0
    matrix = overlap_matrix(truth, guess, objects=3, proposals=6)
    assert matrix.shape == (6, 3)
    for p in range(6):
        for k in range(3):
            assert matrix[p, k] == region_similarity_j(guess == p + 1, truth == k + 1)


def test_labels_are_not_taken_for_masks():
    with pytest.raises(DataError, match=r'prediction is uint8 of shape \(2, 2\); expected bool'):
        region_similarity_j(np.ones((2, 2), np.uint8), np.ones((2, 2), bool))
    with pytest.raises(DataError, match=r'void mask is bool of shape \(2, 3\).*ground truth has \(2, 2\)'):
        region_similarity_j(np.ones((2, 2), bool), np.ones((2, 2), bool), np.ones((2, 3), bool))
