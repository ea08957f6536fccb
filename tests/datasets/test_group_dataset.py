import cv2
import numpy as np
import pytest

from salseg.datasets import GroupDataset, SyntheticGroups
from salseg.datasets.transforms import LoadFrames, LoadGroundTruth, SampleGroup
from salseg.errors import ConfigError, DataError


def put(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 8), value, np.uint8))


def layout(root, images='image', masks='binary', suffix='.jpg', groups=('alarm clock', 'accordion')):
    for group in groups:
        for stem in ('51499', 'b.c'):
            put(root / images / group / f'{stem}{suffix}', 90)
            put(root / masks / group / f'{stem}.png', 255)
    return root


@pytest.mark.parametrize(
    ('images', 'masks', 'suffix'),
    [
        ('image', 'binary', '.jpg'),
        ('Image', 'GroundTruth', '.JPEG'),
        ('img', 'gt', '.png'),
    ],
)
def test_known_layouts_are_found_without_naming_them(tmp_path, images, masks, suffix):
    dataset = GroupDataset(str(layout(tmp_path, images, masks, suffix)))
    item = dataset.describe(1)
    assert len(dataset) == 2
    assert item['set_id'] == 'alarm clock'
    assert item['frame_ids'] == ['51499', 'b.c'], 'the same stem may be in both groups, and stems may hold dots'


def test_folders_and_groups_can_be_named(tmp_path):
    layout(tmp_path, 'images/CoCA', 'gts/CoCA')
    dataset = GroupDataset(str(tmp_path), 'images/CoCA', 'gts/CoCA', groups=['alarm clock'], name='CoCA')
    assert [group for group, _ in dataset.groups] == ['alarm clock']
    assert dataset.describe(0)['label_paths'][0].endswith('gts/CoCA/alarm clock/51499.png')


def test_the_nested_layout_of_co_segmentation_copies(tmp_path):
    for stem in ('5_1_s', '5_2_s'):
        put(tmp_path / 'cow' / f'{stem}.bmp', 40)
        put(tmp_path / 'cow' / 'GroundTruth' / f'{stem}.bmp', 255)
    item = GroupDataset(str(tmp_path), layout='nested').describe(0)
    assert item['frame_ids'] == ['5_1_s', '5_2_s']
    assert item['label_paths'][1].endswith('GroundTruth/5_2_s.bmp')


def test_stray_files_do_not_break_a_group(tmp_path):
    layout(tmp_path)
    (tmp_path / 'image/accordion/.DS_Store').write_bytes(b'x')
    (tmp_path / 'image/accordion/notes.txt').write_text('x')
    (tmp_path / 'image/__MACOSX').mkdir()
    dataset = GroupDataset(str(tmp_path))
    assert len(dataset) == 2
    assert len(dataset.describe(0)['frame_ids']) == 2


def test_an_image_without_mask_is_an_error_or_counted(tmp_path):
    layout(tmp_path)
    (tmp_path / 'binary/accordion/b.c.png').unlink()
    with pytest.raises(DataError, match=r'b\.c\.jpg has no mask'):
        GroupDataset(str(tmp_path))
    dataset = GroupDataset(str(tmp_path), missing='skip')
    assert dataset.skipped == ['accordion/b.c']
    assert len(dataset.describe(0)['frame_ids']) == 1, 'a group of one is legal'


def test_empty_groups_and_missing_folders_are_named(tmp_path):
    layout(tmp_path)
    (tmp_path / 'image/empty').mkdir()
    (tmp_path / 'binary/empty').mkdir()
    with pytest.raises(DataError, match="'empty'"):
        GroupDataset(str(tmp_path))
    with pytest.raises(DataError, match='gt2'):
        GroupDataset(str(tmp_path), label_folder='gt2')
    (tmp_path / 'none').mkdir()
    with pytest.raises(DataError, match='no folder of a group'):
        GroupDataset(str(tmp_path), image_folder='none')


def test_images_without_masks_can_be_read(tmp_path):
    layout(tmp_path)
    assert GroupDataset(str(tmp_path), encoding=None).describe(0)['label_paths'] == [None, None]


def test_a_one_bit_mask_is_the_object(tmp_path):
    layout(tmp_path, groups=('pair',))
    from PIL import Image

    Image.fromarray(np.ones((6, 8), bool)).save(tmp_path / 'binary/pair/51499.png')
    dataset = GroupDataset(str(tmp_path), pipeline=[LoadFrames(), LoadGroundTruth()])
    assert dataset[0]['gt_maps'][0].min() == 255


def described(count):
    names = [f'f{i}' for i in range(count)]
    lists = dict(frame_ids=names, frame_paths=names, label_paths=names, label_kind=['binary'] * count)
    return dict(dataset='d', set_id='g', **lists)


def drawn(count, epoch=0, **options):
    results = {**described(count), 'rng': np.random.default_rng((0, epoch))}
    return SampleGroup(**options).transform(results)


def test_members_are_drawn_without_replacement_and_anew_every_epoch():
    first, second = (drawn(30, epoch, num_frames=16)['frame_ids'] for epoch in (0, 1))
    assert len(set(first)) == len(first) == 16
    assert set(first) != set(second)
    assert drawn(30, num_frames=16)['frame_ids'] == first, 'a function of seed and position'


def test_all_lists_follow_the_draw():
    found = drawn(9, num_frames=4)
    assert found['label_paths'] == found['frame_paths'] == found['frame_ids']
    assert len(found['label_kind']) == 4


def test_short_groups_are_kept_repeated_or_refused_but_never_padded():
    assert sorted(drawn(3, num_frames=5)['frame_ids']) == ['f0', 'f1', 'f2']
    repeated = drawn(3, num_frames=5, short='repeat')['frame_ids']
    assert len(repeated) == 5
    assert set(repeated[:3]) == {'f0', 'f1', 'f2'}
    with pytest.raises(DataError, match='has 3 frames, fewer than 5'):
        drawn(3, num_frames=5, short='refuse')
    with pytest.raises(ConfigError, match="short='pad'"):
        SampleGroup(short='pad')


def test_synthetic_groups_share_one_object_unless_companions_are_shuffled():
    true, shuffled = (SyntheticGroups(6, 3, size=48, companions=c).describe(2) for c in ('true', 'shuffled'))
    np.testing.assert_array_equal(true['frames'][0], shuffled['frames'][0])
    np.testing.assert_array_equal(true['gt_maps'][0], shuffled['gt_maps'][0])
    assert (true['frames'][1] != shuffled['frames'][1]).any()
    objects = SyntheticGroups(6, 3, size=48, labels='objects').describe(2)
    assert objects['label_images'][0].sum() > true['label_images'][0].sum()
    with pytest.raises(ConfigError, match="companions='none'"):
        SyntheticGroups(6, companions='none')
