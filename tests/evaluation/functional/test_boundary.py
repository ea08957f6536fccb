import cv2
import numpy as np
import pytest

from salseg.evaluation.functional import boundary_f, mask_scores, region_similarity_j
from salseg.evaluation.functional.boundary import boundary_map, dilate_by_disk, tolerance_radius
from tests.evaluation.functional import plain


def pair(rng, shape):
    first, second = plain.blobs(rng, shape)[1], plain.blobs(rng, shape)[1]
    return (first, np.roll(first, 2, axis=0)) if rng.random() < 0.5 else (first, second)


@pytest.mark.parametrize('radius', [1, 2, 3, 5, 9])
def test_equals_the_plain_form_with_discs_drawn_pixel_by_pixel(radius):
    rng = np.random.default_rng(radius)
    for shape in ((13, 17), (1, 12), (9, 1), (24, 8)):
        for _ in range(4):
            prediction, truth = pair(rng, shape)
            expected = plain.boundary_f(prediction, truth, radius)
            assert boundary_f(prediction, truth, tolerance=radius) == pytest.approx(expected, abs=1e-12)


def test_the_boundary_map_compares_right_lower_and_lower_right():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (1, 6), (6, 1), (7, 9)):
        mask = rng.random(shape) < 0.5
        np.testing.assert_array_equal(boundary_map(mask), plain.boundary(mask))


@pytest.mark.parametrize('radius', [0, 1, 4, 8, 30])
def test_the_disk_is_full_and_round(radius):
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    image = (np.random.default_rng(1).random((25, 33)) < 0.02).astype(np.uint8)
    np.testing.assert_array_equal(dilate_by_disk(image, radius), cv2.dilate(image, disk))


def test_the_tolerance_is_a_fraction_of_the_diagonal_or_a_number_of_pixels():
    assert tolerance_radius((480, 854)) == 8
    assert tolerance_radius((600, 800)) == 8
    assert tolerance_radius((480, 854), 3) == 3


def test_the_border_of_the_image_is_no_boundary():
    full, empty = np.ones((9, 12), bool), np.zeros((9, 12), bool)
    assert boundary_map(full).sum() == 0
    assert boundary_f(full, empty) == 1
    assert region_similarity_j(full, empty) == 0


def test_a_boundary_on_one_side_only_scores_zero():
    mask, empty = np.zeros((9, 12), bool), np.zeros((9, 12), bool)
    mask[3:5, 4:8] = True
    assert boundary_f(mask, empty) == 0
    assert boundary_f(empty, mask) == 0
    assert boundary_f(empty, empty) == 1


def test_void_is_background_on_both_sides():
    prediction, truth, void = (np.zeros((12, 12), bool) for _ in range(3))
    prediction[2:9, 2:9], truth[2:9, 2:6], void[:, 6:] = True, True, True
    assert boundary_f(prediction, truth, tolerance=1) < 1
    assert boundary_f(prediction, truth, void, tolerance=1) == 1


def test_both_scores_of_a_frame_equal_each_on_its_own():
    rng = np.random.default_rng(5)
    for _ in range(10):
        prediction, truth = pair(rng, (40, 55))
        assert mask_scores(prediction, truth) == (region_similarity_j(prediction, truth), boundary_f(prediction, truth))
