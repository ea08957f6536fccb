import pickle

import pytest

from salseg.datasets import ListedDataset
from salseg.datasets.lists import LazyList
from salseg.errors import DataError
from tests.datasets.checking.folders import draw_image, mask, save


@pytest.mark.parametrize(
    'content', ['a\nbé\nc\n', 'a\nbé\nc', 'a\r\nbé\r\n\r\nc\r\n', '\n\na\n\nbé\nc\n\n', '\ufeffa\nbé\nc']
)
def test_lines_are_those_that_text_has_without_the_empty_ones(tmp_path, content):
    path = tmp_path / 'list.txt'
    path.write_bytes(content.encode())
    lines = LazyList(path)
    assert list(lines) == ['a', 'bé', 'c'] == lines[:]
    assert (len(lines), lines[-1], lines[1:]) == (3, 'c', ['bé', 'c'])
    with pytest.raises(IndexError):
        lines[3]


def test_a_copy_in_another_process_is_small_and_reads_the_same(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text(''.join(f'{"x" * 200}{number}\n' for number in range(500)))
    lines = LazyList(path)
    data = pickle.dumps(lines)
    assert len(data) < 20_000 < path.stat().st_size
    assert pickle.loads(data)[499] == lines[499] == f'{"x" * 200}499'


@pytest.mark.parametrize('content', [None, b'', b'\n\r\n'])
def test_a_missing_or_empty_list_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / 'list.txt').write_bytes(content)
    with pytest.raises(DataError, match=r'list\.txt'):
        LazyList(tmp_path / 'list.txt')


def test_a_line_that_is_no_text_is_named(tmp_path):
    (tmp_path / 'list.txt').write_bytes(b'a\n\xff\xfe\n')
    with pytest.raises(DataError, match='line 2'):
        list(LazyList(tmp_path / 'list.txt'))


def test_pairs_of_a_list_are_loaded_and_only_when_needed(tmp_path):
    save(tmp_path / 'in/my photo.jpg', draw_image(0))
    save(tmp_path / 'cut/one.png', mask())
    (tmp_path / 'list.txt').write_text('in/my photo.jpg\tcut/one.png\nin/absent.jpg\tcut/absent.png\n')
    data = ListedDataset(str(tmp_path), 'list.txt', pipeline=[dict(type='LoadFrames'), dict(type='LoadLabels')])
    assert len(data) == 2
    item = data[0]
    assert item['set_id'] == 'in/my photo'
    assert (item['labels'][0] == mask() // 255).all()
    with pytest.raises(DataError, match=r'absent\.jpg'):
        data[1]


def test_a_line_with_another_number_of_names_is_refused_at_once(tmp_path):
    (tmp_path / 'list.txt').write_text('my photo.jpg mask.png\n')
    with pytest.raises(DataError, match='need the tab'):
        ListedDataset(str(tmp_path), 'list.txt')
    assert ListedDataset(str(tmp_path), 'list.txt', encoding=None).describe(0)['label_paths'] == [None]
