import numpy as np
import pytest
from PIL import Image

from salseg.datasets import SaliencyDataset
from salseg.errors import DataError
from tests.needs import REAL

LOAD = [dict(type='LoadFrames'), dict(type='LoadLabels')]


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def grey(value=0, size=(6, 8)):
    return np.full(size, value, np.uint8)


def make(root, images='image', masks='mask', stems=('a', 'b.c', 'd'), image_suffix='.jpg', size=(6, 8)):
    for stem in stems:
        save(root / images / f'{stem}{image_suffix}', np.zeros((*size, 3), np.uint8))
        mask = grey(0, size)
        mask[:3] = 255
        save(root / masks / f'{stem}.png', mask)
    return root


@pytest.mark.parametrize(
    ('images', 'masks'),
    [('image', 'mask'), ('images', 'ground_truth_mask'), ('imgs', 'gt'), ('Imgs', 'GT'), ('JPEGImages', 'Annotations')],
)
def test_known_folder_names_are_found(tmp_path, images, masks):
    dataset = SaliencyDataset(str(make(tmp_path / 'SET', images, masks)))
    assert [item[0] for item in dataset.items] == ['a', 'b.c', 'd']
    assert dataset.name == 'SET'


def test_folders_called_after_the_set_are_found(tmp_path):
    make(tmp_path / 'DUTS-TR', 'DUTS-TR-Image', 'DUTS-TR-Mask')
    dataset = SaliencyDataset(str(tmp_path / 'DUTS-TR'))
    assert len(dataset) == 3


def test_images_and_masks_in_one_folder_are_told_apart_by_suffix(tmp_path):
    make(tmp_path, 'Imgs', 'Imgs')
    dataset = SaliencyDataset(str(tmp_path), 'Imgs', 'Imgs')
    _, image, mask = dataset.items[0]
    assert (image.suffix, mask.suffix) == ('.jpg', '.png')


def test_pngs_in_two_folders_and_odd_suffixes_pair_by_stem(tmp_path):
    make(tmp_path / 'hku', image_suffix='.png')
    assert len(SaliencyDataset(str(tmp_path / 'hku'))) == 3
    make(tmp_path / 'co', image_suffix='.JPEG')
    assert len(SaliencyDataset(str(tmp_path / 'co'))) == 3


def test_stray_files_are_skipped(tmp_path):
    make(tmp_path)
    for name in ('.DS_Store', 'Thumbs.db', 'notes.txt', '._a.jpg'):
        (tmp_path / 'image' / name).write_bytes(b'x')
    assert len(SaliencyDataset(str(tmp_path))) == 3


def test_an_image_without_mask_is_an_error_or_is_counted(tmp_path):
    make(tmp_path)
    save(tmp_path / 'image' / 'orphan.jpg', np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"orphan.jpg has no annotation(.|\n)*missing='skip'"):
        SaliencyDataset(str(tmp_path))
    dataset = SaliencyDataset(str(tmp_path), missing='skip')
    assert (len(dataset), dataset.skipped) == (3, ['orphan'])


def test_a_list_names_the_images_with_or_without_suffix(tmp_path):
    make(tmp_path)
    (tmp_path / 'test.txt').write_text('d\n\nb.c.jpg\n')
    assert [item[0] for item in SaliencyDataset(str(tmp_path), list_file='test.txt').items] == ['d', 'b.c']


def test_a_list_that_names_a_missing_image_is_refused(tmp_path):
    make(tmp_path)
    (tmp_path / 'test.txt').write_text('d\nnone\n')
    with pytest.raises(DataError, match="test.txt names 'none'"):
        SaliencyDataset(str(tmp_path), list_file='test.txt')


def test_an_empty_list_is_refused(tmp_path):
    make(tmp_path)
    (tmp_path / 'test.txt').write_text('\n \n')
    with pytest.raises(DataError, match=r'test.txt is empty; expected one name per line'):
        SaliencyDataset(str(tmp_path), list_file='test.txt')


def test_a_missing_root_or_folder_says_what_was_looked_for_and_found(tmp_path):
    with pytest.raises(DataError, match='does not exist'):
        SaliencyDataset(str(tmp_path / 'none'))
    (tmp_path / 'pics').mkdir()
    with pytest.raises(DataError, match=r'looked for image, images(.|\n)*found pics(.|\n)*image_folder='):
        SaliencyDataset(str(tmp_path))


def test_a_mask_of_another_size_names_both_files_and_sizes(tmp_path):
    make(tmp_path)
    save(tmp_path / 'mask' / 'a.png', grey(255, (5, 8)))
    with pytest.raises(DataError) as error:
        SaliencyDataset(str(tmp_path), pipeline=LOAD)[0]
    message = str(error.value)
    assert 'a.jpg is (6, 8)' in message
    assert 'a.png is (5, 8)' in message
    assert "mismatch='resize'" in message
    item = SaliencyDataset(str(tmp_path), pipeline=[LOAD[0], dict(type='LoadLabels', mismatch='resize')])[0]
    assert item['labels'][0].shape == (6, 8)


def test_ground_truth_keeps_its_grey_values_and_own_size(tmp_path):
    make(tmp_path)
    save(tmp_path / 'mask' / 'a.png', grey(200, (7, 9)))
    item = SaliencyDataset(str(tmp_path), pipeline=[dict(type='LoadFrames'), dict(type='LoadGroundTruth')])[0]
    assert item['gt_maps'][0].shape == (7, 9)
    assert item['gt_maps'][0][0, 0] == 200


@pytest.mark.skipif(not (REAL / 'sod/ECSSD').is_dir(), reason=f'the real images are not at {REAL} (SALSEG_REAL_DATA)')
def test_real_images_are_read():
    dataset = SaliencyDataset(str(REAL / 'sod/ECSSD'), list_file='test.txt', pipeline=LOAD)
    assert len(dataset) == 37
    assert all(set(np.unique(dataset[i]['labels'][0])) == {0, 1} for i in range(37))


def test_folders_of_classes_give_names_of_class_and_stem(tmp_path):
    for name in ('plane', 'mug'):
        make(tmp_path, f'image/{name}', f'mask/{name}', stems=('1', '10', '2'), image_suffix='.JPG')
    make(tmp_path, stems=('top',))
    save(tmp_path / 'image/@eaDir/1.jpg', np.zeros((6, 8, 3), np.uint8))
    (tmp_path / 'image/.hidden').mkdir()
    data = SaliencyDataset(str(tmp_path))
    keys = ['top', 'mug/1', 'mug/2', 'mug/10', 'plane/1', 'plane/2', 'plane/10']
    assert [item[0] for item in data.items] == keys
    assert data.describe(3)['frame_ids'] == ['mug/10']
    assert data.describe(3)['label_paths'] == [str(tmp_path / 'mask/mug/10.png')]
    (tmp_path / 'list.txt').write_text('plane/10.jpg\nmug/1\n')
    listed = SaliencyDataset(str(tmp_path), list_file='list.txt')
    assert [item[0] for item in listed.items] == ['plane/10', 'mug/1']


def test_an_image_of_a_class_without_mask_is_named(tmp_path):
    make(tmp_path, 'image/a', 'mask/a')
    (tmp_path / 'mask/a/d.png').unlink()
    with pytest.raises(DataError, match=r'image/a/d\.jpg has no annotation'):
        SaliencyDataset(str(tmp_path))
    assert SaliencyDataset(str(tmp_path), missing='skip').skipped == ['a/d']


def test_the_same_stem_in_two_classes_is_two_images(tmp_path):
    for name in ('a', 'b'):
        make(tmp_path, f'image/{name}', f'mask/{name}', stems=('1',))
    assert len(SaliencyDataset(str(tmp_path))) == 2


def test_a_flat_folder_is_listed_without_a_look_at_each_file(tmp_path, monkeypatch):
    from pathlib import Path

    from salseg.io.listing import by_key

    make(tmp_path, stems=[str(n) for n in range(20)])
    asked = []
    plain = Path.stat
    monkeypatch.setattr(Path, 'stat', lambda self, **options: asked.append(self) or plain(self, **options))
    assert list(by_key(tmp_path / 'image')) == [str(n) for n in range(20)]
    assert asked in ([], [tmp_path / 'image'])


def test_linked_classes_are_read(tmp_path):
    make(tmp_path / 'far', 'image', 'mask', stems=('1',))
    for kind in ('image', 'mask'):
        (tmp_path / 'set' / kind).mkdir(parents=True)
        (tmp_path / 'set' / kind / 'mug').symlink_to(tmp_path / 'far' / kind)
    assert [item[0] for item in SaliencyDataset(str(tmp_path / 'set')).items] == ['mug/1']


def test_a_link_that_leads_back_gives_no_image_twice(tmp_path):
    make(tmp_path, 'image/mug', 'mask/mug', stems=('1',))
    for kind in ('image', 'mask'):
        (tmp_path / kind / 'mug/again').symlink_to(tmp_path / kind)
    assert [item[0] for item in SaliencyDataset(str(tmp_path)).items] == ['mug/1']
