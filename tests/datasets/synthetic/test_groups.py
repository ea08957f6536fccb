import numpy as np
import pytest

from salseg.datasets.synthetic import CATEGORIES, HELD_OUT, SEEN, draw_group, draw_group_image
from salseg.errors import DataError


def test_exactly_one_category_is_in_every_image_and_once_in_each():
    for index in range(6):
        group = draw_group(0, 'train', index, group_size=4, size=48)
        sets = [set(image.category_ids) for image in group.images]
        assert set.intersection(*sets) == {group.category}
        for image in group.images:
            assert image.category_ids.count(group.category) == 1
            assert image.category_ids[image.shared - 1] == group.category
            assert len(set(image.category_ids)) == 3


@pytest.mark.parametrize('group_size', [2, 3, 9])
def test_a_small_choice_of_categories_leaves_only_one_in_common(group_size):
    for index in range(8):
        group = draw_group(1, 'train', index, group_size, 32, categories=(3, 8, 13, 20, 29))
        assert len(set.intersection(*(set(image.category_ids) for image in group.images))) == 1


def test_an_image_of_a_group_does_not_depend_on_the_others():
    group = draw_group(2, 'test', 1, group_size=3, size=48)
    alone = draw_group_image(2, 'test', 1, 2, size=48)
    assert alone.image.tobytes() == group.images[2].image.tobytes()
    assert alone.labels.tobytes() == draw_group(2, 'test', 1, group_size=7, size=48).images[2].labels.tobytes()


def test_images_of_a_group_of_other_groups_and_of_other_splits_differ():
    images = [
        image.image.tobytes()
        for split in ('train', 'test')
        for index in range(3)
        for image in draw_group(0, split, index, 3, 48).images
    ]
    assert len(set(images)) == len(images)


def test_the_mask_is_that_of_the_shared_object_and_all_objects_are_visible():
    for index in range(10):
        for image in draw_group(0, 'train', index, 2, (64, 90)).images:
            assert set(np.unique(image.labels)) == {0, 1, 2, 3}
            assert np.array_equal(image.mask, image.labels == image.shared)
            assert min((image.labels == label).mean() for label in (1, 2, 3)) > 0.005


def test_the_shared_object_has_no_place_of_its_own():
    images = [image for index in range(30) for image in draw_group(0, 'train', index, 2, 32).images]
    assert {image.shared for image in images} == {1, 2, 3}
    middles = np.array([np.argwhere(image.mask).mean(axis=0) / 32 for image in images])
    assert np.abs(middles.mean(axis=0) - 0.5).max() < 0.12
    assert middles.std(axis=0).min() > 0.15


def test_there_are_at_least_20_categories_and_two_share_one_property_at_most():
    assert len(SEEN) >= 20
    for first in CATEGORIES:
        for second in CATEGORIES[first.number + 1 :]:
            common = (first.texture == second.texture) + (first.color == second.color) + (first.shape == second.shape)
            assert common <= 1


def test_held_out_categories_are_not_seen_but_their_textures_and_colors_are():
    assert not set(SEEN) & set(HELD_OUT)
    assert sorted(SEEN + HELD_OUT) == [category.number for category in CATEGORIES]
    for name in ('texture', 'color'):
        assert {getattr(CATEGORIES[n], name) for n in HELD_OUT} <= {getattr(CATEGORIES[n], name) for n in SEEN}
    group = draw_group(0, 'test', 0, 3, 32, categories=HELD_OUT)
    assert {number for image in group.images for number in image.category_ids} <= set(HELD_OUT)


def test_bad_input_is_named():
    with pytest.raises(DataError, match='group_size is 0'):
        draw_group(0, 'train', 0, 0)
    with pytest.raises(DataError, match=r'categories holds \[36\]'):
        draw_group(0, 'train', 0, categories=range(30, 37))
    with pytest.raises(DataError, match='at least 5'):
        draw_group(0, 'train', 0, categories=(1, 2, 3, 4, 4))
