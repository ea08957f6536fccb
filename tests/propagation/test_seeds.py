import numpy as np
import pytest

from salseg.errors import DataError
from salseg.propagation import mask_from_seeds, seeds_from_points
from salseg.propagation.seeds import SIDE


def two_discs(height=96, width=128, seed=0):
    """A red and a green disc on blue, with noise; labels 1 and 2."""
    y, x = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.uint8)
    for index, centre in ((1, width // 4), (2, 3 * width // 4)):
        labels[np.hypot(y - height / 2, x - centre) < height / 4] = index
    colours = np.array([(40, 40, 180), (200, 40, 40), (40, 180, 40)])
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return np.clip(colours[labels] + noise, 0, 255).astype(np.uint8), labels


def overlap(found, labels, index):
    return ((found == index) & (labels == index)).sum() / ((found == index) | (labels == index)).sum()


def test_points_become_the_objects_they_are_on():
    image, labels = two_discs()
    seeds = seeds_from_points({1: [(32, 48, True)], 2: [(96.9, 48.2, True), (64, 48, False)]}, labels.shape)
    assert (seeds[48, 32], seeds[48, 96], seeds[48, 64], (seeds != 255).sum()) == (1, 2, 0, 3)
    found = mask_from_seeds(image, seeds, 'near')
    assert min(overlap(found, labels, index) for index in (1, 2)) > 0.95
    np.testing.assert_array_equal(found, mask_from_seeds(image, seeds, 'near'))


def test_scribbles_become_the_objects_they_are_on_and_stay_as_they_are():
    image, labels = two_discs()
    seeds = np.full(labels.shape, 255, np.uint8)
    seeds[40:56, 30:34], seeds[40:56, 94:98], seeds[4:8] = 1, 2, 0
    # A mistake of the user's is not corrected.
    seeds[90:93, 60:63] = 2
    found = mask_from_seeds(image, seeds)
    assert min(overlap(found, labels, index) for index in (1, 2)) > 0.9
    assert (found[seeds != 255] == seeds[seeds != 255]).all()


def test_one_of_two_alike_is_left_out_unless_it_is_marked():
    image, labels = two_discs()
    alike = np.where((labels == 2)[..., None], np.array((200, 40, 40), np.uint8), image)
    seeds = np.full(labels.shape, 255, np.uint8)
    seeds[40:56, 30:34] = 1
    found = mask_from_seeds(alike, seeds)
    assert overlap(found, labels, 1) > 0.95


def test_a_large_image_gives_its_own_size():
    image, labels = two_discs(SIDE + 120, SIDE + 200)
    height, width = labels.shape
    points = {1: [(width // 4, height // 2, True)], 2: [(3 * width // 4, height // 2, True)]}
    found = mask_from_seeds(image, seeds_from_points(points, labels.shape), 'near')
    assert found.shape == labels.shape
    assert min(overlap(found, labels, index) for index in (1, 2)) > 0.95


@pytest.mark.parametrize(
    ('points', 'words'),
    [
        ({1: [(5, 5, False)]}, 'no point on it'),
        ({1: [(128, 5, True)]}, 'outside the 128x96 image'),
        ({1: [(5, 5, True)], 2: [(5.5, 5, True)]}, 'given twice'),
        ({1: [(5, 5, True), (5, 5, False)]}, 'given twice'),
    ],
)
def test_unusable_points_are_explained(points, words):
    with pytest.raises(DataError, match=words):
        seeds_from_points(points, (96, 128))


def test_unusable_seeds_are_explained():
    image, labels = two_discs()
    with pytest.raises(DataError, match='hold no object'):
        mask_from_seeds(image, np.full(labels.shape, 255, np.uint8))
    with pytest.raises(DataError, match='one size'):
        mask_from_seeds(image, labels[1:])
    with pytest.raises(DataError, match='begin='):
        mask_from_seeds(image, labels, 'far')
