import pickle

import pytest

from salseg.errors import DataError
from salseg.io.lists import LazyList, read_list, read_names

NAMES = ['a', 'my dog', 'ü', 'd.v2']


@pytest.mark.parametrize(
    ('ending', 'code'), [('\n', 'utf-8'), ('\r\n', 'utf-8'), ('\r\n', 'utf-8-sig'), ('\r\n', 'utf-16'), ('\r', 'utf-8')]
)
def test_lists_of_all_systems_are_read(ending, code, tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(ending.join([*NAMES, '  ', '']).encode(code))
    assert read_list(path) == NAMES
    assert read_names(path) == NAMES


def test_a_suffix_of_an_image_is_cut_and_no_other(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('a.jpg\nb.JPEG\nd.v2\nc.x.png\n')
    assert read_list(path) == ['a', 'b', 'd.v2', 'c.x']


@pytest.mark.parametrize('data', [None, b'', b'\n \n', 'ü'.encode('latin-1')])
def test_a_list_that_cannot_be_used_is_named(data, tmp_path):
    path = tmp_path / 'list.txt'
    if data is not None:
        path.write_bytes(data)
    for read in (read_list, read_names):
        with pytest.raises(DataError, match=r'the list .*list\.txt'):
            read(path)


def test_pairs_of_paths_give_their_video_once_and_blanks_are_kept(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text(
        '/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png \n'
        '/JPEGImages/480p/bear/00001.jpg /Annotations/480p/bear/00001.png \n'
        'JPEGImages/480p/my dog/00000.jpg Annotations/480p/my dog/00000.png\n'
        '*bird of paradise\ngroup one/a.jpg\n'
    )
    assert read_names(path) == ['bear', 'my dog', 'bird of paradise', 'group one/a.jpg']


def test_further_columns_are_cut_only_where_the_first_word_is_known(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('bear 82 0\nmy dog\ncat and mouse\n')
    assert read_names(path, known={'bear', 'my dog', 'my', 'cat and mouse'}) == ['bear', 'my dog', 'cat and mouse']
    assert read_names(path) == ['bear 82 0', 'my dog', 'cat and mouse']


def test_a_mapped_list_is_the_same_in_another_process(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'\xef\xbb\xbfa\r\n\r\nb b\n')
    lines = LazyList(path)
    assert list(lines) == list(pickle.loads(pickle.dumps(lines))) == ['a', 'b b']
    assert lines[-1:] == ['b b']
