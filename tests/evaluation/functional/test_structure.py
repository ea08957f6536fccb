import numpy as np
import pytest

from salseg.evaluation.functional import saliency_pair, saliency_scores, structure_measure
from salseg.evaluation.functional.structure import region_similarity
from tests.evaluation.functional import plain


@pytest.mark.parametrize('shape', [(3, 5), (21, 34), (40, 13)])
def test_equals_the_plain_formula(shape):
    rng = np.random.default_rng(sum(shape))
    for _ in range(10):
        grey, mask = plain.blobs(rng, shape)
        expected = plain.s_measure(plain.rescaled(grey), mask)
        assert saliency_scores(grey, mask, metrics=('s',))['s_measure'] == pytest.approx(expected, abs=1e-12)


def test_a_perfect_map_scores_one():
    mask = np.zeros((12, 15), bool)
    mask[3:7, 4:9] = True
    assert structure_measure(saliency_pair(mask.astype(np.uint8) * 255, mask)) == pytest.approx(1)


@pytest.mark.parametrize(('full', 'expected'), [(False, 0.75), (True, 0.25)])
def test_without_object_or_background_it_is_the_mean_of_the_map(full, expected):
    grey = np.array([[0, 0, 0, 255]], np.uint8)
    assert structure_measure(saliency_pair(grey, np.full((1, 4), full))) == expected


def test_a_centre_in_the_last_corner_leaves_empty_blocks_that_count_nothing():
    mask = np.zeros((6, 7), bool)
    mask[-1, -1] = True
    pair = saliency_pair(np.arange(42, dtype=np.uint8).reshape(6, 7), mask)
    assert structure_measure(pair) == pytest.approx(plain.s_measure(plain.rescaled(pair.grey), mask))
    assert np.isnan(structure_measure(pair, empty_block='nan'))


def test_a_constant_block_is_alike_to_an_empty_one():
    # Both have variance 0, so they score 1. 0.3 has no exact float: the mean by plain summation may differ from it, and
    # with it the variance from 0.
    mask = np.zeros((9, 10), bool)
    mask[2, 2] = True
    value = np.full(mask.shape, 0.3)
    value[2, 2] = 1
    others = saliency_pair(value, mask, normalize=False).quadrants[1:]
    assert [block.positives for block in others] == [0, 0, 0]
    assert region_similarity(others) == 1


def test_an_inverted_map_scores_zero_not_less():
    mask = np.zeros((10, 10), bool)
    mask[4:6, 4:6] = True
    assert structure_measure(saliency_pair(255 * (~mask).astype(np.uint8), mask)) == 0


def test_one_object_pixel_has_no_deviation():
    mask = np.zeros((5, 5), bool)
    mask[2, 2] = True
    assert np.isfinite(structure_measure(saliency_pair(np.arange(25, dtype=np.uint8).reshape(5, 5), mask)))


def test_the_population_deviation_scores_higher():
    rng = np.random.default_rng(4)
    pair = saliency_pair(*plain.blobs(rng, (8, 9)))
    assert structure_measure(pair, population=True) > structure_measure(pair)
