import os

import numpy as np
import pytest

from salseg.errors import DataError
from salseg.io.listing import (
    MASK_FOLDERS,
    by_stem,
    find_folder,
    folders_in,
    is_stray,
    missing_numbers,
    natural_key,
    natural_path_key,
    one_per_stem,
    walk_files,
)


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_numbers_in_names_count_as_numbers():
    assert sorted(['10', '9', '1'], key=natural_key) == ['1', '9', '10']
    assert sorted(['x10_1', 'x1_10', 'x2_1'], key=natural_key) == ['x1_10', 'x2_1', 'x10_1']
    assert sorted(['a', '7', 'a1', ''], key=natural_key) == ['', '7', 'a', 'a1']
    assert sorted(['b/9', 'b/10', 'a/2', 'b2/1', 'b10/1'], key=natural_path_key) == [
        'a/2',
        'b/9',
        'b/10',
        'b2/1',
        'b10/1',
    ]


def test_the_order_is_total_and_takes_digits_of_all_kinds():
    # A superscript counts as a digit for str.isdigit, but is no number.
    names = ['a01', 'a1', 'a²', 'a٣', 'a2']
    assert sorted(names, key=natural_key) == sorted(reversed(names), key=natural_key)
    assert natural_key('a01') != natural_key('a1')


def test_the_order_does_not_depend_on_which_other_names_are_there():
    names = ['x10_1', 'x1_10', 'x2_100']
    whole = sorted(names, key=natural_key)
    assert [n for n in whole if n != 'x2_100'] == sorted(['x10_1', 'x1_10'], key=natural_key)


@pytest.mark.parametrize(
    'name', ['.DS_Store', '._a.png', 'Thumbs.db', 'desktop.ini', '__MACOSX', '.thumbnails', '@eaDir']
)
def test_what_systems_leave_is_none_of_the_users_files(name, tmp_path):
    touch(tmp_path, 'a.png', 'b/a.png', f'{name}/a.png' if '.' not in name[1:] else name)
    assert is_stray(tmp_path / name)
    assert list(by_stem(tmp_path)) == ['a']
    assert [path.name for path in folders_in(tmp_path)] == ['b']
    assert list(walk_files(tmp_path, {'.png'})) == ['a.png', 'b/a.png']


def test_files_are_paired_by_stem_in_natural_order_and_the_lossless_one_counts(tmp_path):
    touch(tmp_path, 'f10.png', 'f9.png', 'a.b c.jpg', 'x.JPG', 'x.png', 'notes.txt')
    found, displaced = one_per_stem(tmp_path, ('.png', '.jpg'))
    assert list(found) == ['a.b c', 'f9', 'f10', 'x']
    assert found['x'].name == 'x.png'
    assert [path.name for path in displaced] == ['x.JPG']


def test_a_missing_folder_is_named_with_what_lies_beside_it(tmp_path):
    touch(tmp_path, 'gts/a.png')
    with pytest.raises(DataError, match=r'masks does not exist; .* holds gts'):
        by_stem(tmp_path / 'masks')


def test_aliases_match_in_upper_and_lower_case_and_after_the_name_of_the_set(tmp_path):
    touch(tmp_path, 'DUTS-TR/duts-tr-mask/a.png', 'ECSSD/GT/a.png')
    assert find_folder(tmp_path / 'DUTS-TR', None, MASK_FOLDERS, 'label').name == 'duts-tr-mask'
    assert find_folder(tmp_path / 'ECSSD', None, MASK_FOLDERS, 'label').name == 'GT'
    with pytest.raises(DataError, match=r'no folder for the images: looked for pics; found GT'):
        find_folder(tmp_path / 'ECSSD', None, ('pics',), 'image')


def test_a_loop_of_links_counts_every_file_once_and_a_linked_folder_counts(tmp_path):
    touch(tmp_path, 'set/a/1.png', 'elsewhere/2.png')
    os.symlink(tmp_path / 'set', tmp_path / 'set' / 'a' / 'loop')
    os.symlink(tmp_path / 'elsewhere', tmp_path / 'set' / 'b')
    assert list(walk_files(tmp_path / 'set', {'.png'})) == ['a/1.png', 'b/2.png']


def test_one_lost_number_is_found_in_names_of_any_shape():
    for pattern in ('{:05d}', 'frame_{}', '{:03d}_rgb', '0616_1_{:04d}'):
        names = [pattern.format(number) for number in (8, 9, 11, 12)]
        (gap,) = missing_numbers(names)
        assert (gap.before, gap.after, gap.count, gap.first) == (names[1], names[2], 1, (pattern.format(10),))


def test_every_fifth_frame_is_a_numbering_and_times_are_none():
    assert missing_numbers([f'{number:05d}' for number in range(0, 50, 5)]) == []
    (gap,) = missing_numbers(['00000', '00005', '00015', '00020'])
    assert (gap.first, gap.step) == (('00010',), 5)
    assert missing_numbers([str(time) for time in np.cumsum([0, 33, 34, 41, 29, 37])]) == []
    assert missing_numbers(['a', 'b', 'c']) == missing_numbers(['1', '3']) == missing_numbers(['a1', 'b2', 'b4']) == []
