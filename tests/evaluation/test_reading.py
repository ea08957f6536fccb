import numpy as np
import pytest
from PIL import Image

from salseg.errors import DataError, LabelError
from salseg.evaluation.folders import list_tree
from salseg.io.annotations import read_annotation, read_map, read_truth
from salseg.io.listing import in_order
from salseg.io.values import present_values
from tests.evaluation.trees import save_grey, save_labels


def test_objects_of_a_palette_file_are_united_as_ground_truth(tmp_path):
    save_labels(tmp_path / 'a.png', np.array([[0, 1, 2, 255]]))
    assert read_truth(tmp_path / 'a.png').tolist() == [[0, 255, 255, 0]]


def test_a_mask_of_zeros_and_ones_is_stretched(tmp_path):
    save_grey(tmp_path / 'a.png', np.array([[0, 1]]))
    assert read_truth(tmp_path / 'a.png').tolist() == [[0, 255]]


def test_grey_object_ids_are_refused_as_a_mask(tmp_path):
    save_grey(tmp_path / 'a.png', np.array([[0, 1, 2, 3]]))
    with pytest.raises(LabelError, match=r'0, 1, 2, 3.*palette PNG'):
        read_truth(tmp_path / 'a.png')
    assert read_annotation(tmp_path / 'a.png', 'index').tolist() == [[0, 1, 2, 3]]


def test_bits_colours_and_sixteen_bits_become_eight(tmp_path):
    Image.fromarray(np.array([[False, True]])).save(tmp_path / 'bits.png')
    Image.fromarray(np.uint8([[[7, 7, 7], [9, 9, 9]]])).save(tmp_path / 'equal.png')
    Image.fromarray(np.uint16([[0, 65535]])).save(tmp_path / 'deep.png')
    assert read_map(tmp_path / 'bits.png').tolist() == [[0, 255]]
    assert read_map(tmp_path / 'equal.png').tolist() == [[7, 9]]
    assert read_map(tmp_path / 'deep.png').tolist() == [[0, 255]]


def test_a_colour_image_is_no_map(tmp_path):
    Image.fromarray(np.uint8([[[7, 0, 7], [9, 9, 9]]])).save(tmp_path / 'c.png')
    with pytest.raises(DataError, match='colour image'):
        read_map(tmp_path / 'c.png')


def test_a_palette_that_only_saves_room_is_a_grey_image(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(255 - grey).convert('P').save(tmp_path / 'g.png')
    assert np.array_equal(read_map(tmp_path / 'g.png'), 255 - grey)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('count', [1, 2, 7, 8, 9, 40])
def test_present_values_are_those_of_unique(dtype, count):
    """Few are looked for in another way than many; the smallest and the largest of the type are among both."""
    rng = np.random.default_rng(count)
    last = np.iinfo(dtype).max
    for ends in ([], [0], [last], [0, last]):
        values = rng.choice(np.array([*rng.choice(last, count, replace=False), *ends][-count:], dtype), (19, 21))
        assert present_values(values) == np.unique(values).tolist()
        assert present_values(values[::2, ::-3]) == np.unique(values[::2, ::-3]).tolist()


def test_frames_of_unequal_names_are_ordered_by_number_and_others_by_name():
    assert in_order({'v/10', 'v/9', 'v/1', 'a/b'}) == ['a/b', 'v/1', 'v/9', 'v/10']
    assert in_order({'x10', 'x09'}) == ['x09', 'x10']


def test_of_two_suffixes_the_lossless_file_counts_and_the_other_is_reported(tmp_path):
    save_grey(tmp_path / 'a.jpg', np.zeros((4, 4)))
    save_grey(tmp_path / 'a.png', np.zeros((4, 4)))
    save_grey(tmp_path / '.hidden.png', np.zeros((4, 4)))
    tree = list_tree(tmp_path)
    assert (dict(tree.files), tree.skipped) == ({'a': 'a.png'}, 1)


def test_a_stem_may_hold_dots_and_spaces(tmp_path):
    save_grey(tmp_path / 'b c/n.1.x.png', np.zeros((4, 4)))
    assert list(list_tree(tmp_path).files) == ['b c/n.1.x']


def test_an_empty_folder_says_what_it_looked_for(tmp_path):
    with pytest.raises(DataError, match=r'holds no image.*\.png'):
        list_tree(tmp_path)
