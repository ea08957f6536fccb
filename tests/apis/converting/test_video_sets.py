"""Every set of videos: as released, wrapped, littered, incomplete, converted twice, killed."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from salseg.apis.converting import CONVERTERS
from salseg.errors import DataError
from salseg.registry import DATASETS
from tests.apis.converting.small_groups import GROUPS
from tests.apis.converting.small_videos import (
    DENSE,
    FRAMES,
    RELEASES,
    davis16,
    davis17,
    davsod,
    ids,
    lists,
    davis_dev,
    union,
    unsupervised,
    video,
    void,
    youtube,
)
from tests.apis.converting.trees import check_same, convert, halve, litter, snapshot, stamps
from tests.datasets.checking.folders import SIZE, mask, save

each = pytest.mark.parametrize('name', RELEASES)


def values(path):
    return np.asarray(Image.open(path))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def listed(path):
    return path.read_text().split()


@each
@pytest.mark.parametrize('around', ['', 'release', 'release/inner'])
def test_folders_around_and_litter_change_nothing(name, around, tmp_path):
    plain = convert(name, RELEASES[name](tmp_path / 'plain'), tmp_path / 'expected')
    litter(RELEASES[name](tmp_path / 'in' / around))
    summary = convert(name, tmp_path / 'in', tmp_path / 'out')
    assert summary.counts == plain.counts
    assert not plain.warnings
    assert not summary.warnings
    check_same(snapshot(tmp_path / 'out'), snapshot(tmp_path / 'expected'))


@pytest.mark.parametrize('name', DENSE)
def test_a_third_of_the_annotations_missing_is_a_warning_and_two_thirds_an_error(name, tmp_path):
    source = RELEASES[name](tmp_path / 'in')
    files = sorted(
        p for p in source.rglob('*') if p.is_file() and f'/{DENSE[name]}/' in p.as_posix() and '1080p' not in p.parts
    )
    for path in files[::3]:
        path.unlink()
    summary = convert(name, source, tmp_path / 'out')
    assert list(summary.warnings) == ['frames without annotation']
    assert 0 < len(summary.warnings['frames without annotation']) <= len(files[::3])
    for path in files[1::3]:
        path.unlink()
    with pytest.raises(DataError, match=r'frames have no annotation, .* --partial'):
        convert(name, source, tmp_path / 'other')
    assert convert(name, source, tmp_path / 'other', partial=True).counts


@each
def test_a_source_without_videos_says_what_it_holds(name, tmp_path):
    (tmp_path / 'in/readme').mkdir(parents=True)
    with pytest.raises(DataError, match=r'no (video|split). Looked for .* The folder holds readme/.'):
        convert(name, tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@each
def test_a_second_run_changes_nothing_and_a_killed_one_is_completed(name, tmp_path):
    source = RELEASES[name](tmp_path / 'in')
    first = convert(name, source, tmp_path / 'out')
    expected, before = snapshot(tmp_path / 'out'), stamps(tmp_path / 'out')
    assert convert(name, source, tmp_path / 'out') == first
    assert stamps(tmp_path / 'out') == before
    halve(tmp_path / 'out')
    assert convert(name, source, tmp_path / 'out') == first
    check_same(snapshot(tmp_path / 'out'), expected)


@pytest.mark.parametrize('make', [davis16, davis17])
def test_davis_of_2016_comes_out_of_both_archives(make, tmp_path):
    convert('DAVIS-2016', make(tmp_path / 'in'), tmp_path / 'out')
    assert names(tmp_path / 'out/JPEGImages') == names(tmp_path / 'out/Annotations') == ['bear', 'cow']
    assert names(tmp_path / 'out/ImageSets') == ['train.txt', 'val.txt']
    assert listed(tmp_path / 'out/ImageSets/val.txt') == ['cow']
    for number in range(FRAMES):
        np.testing.assert_array_equal(values(tmp_path / f'out/Annotations/cow/{number:05d}.png'), union(number))


def test_davis_of_2017_and_its_test_dev_keep_their_ids(tmp_path):
    convert('DAVIS-2017', davis17(tmp_path / 'in'), tmp_path / 'out')
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/dog/00003.png'), ids(3))
    assert listed(tmp_path / 'out/ImageSets/val.txt') == ['cow', 'dog']
    summary = convert('DAVIS-2017-testdev', davis_dev(tmp_path / 'dev'), tmp_path / 'test')
    assert summary.counts == {'frames': 2 * FRAMES, 'annotations': 2, 'videos': 2}
    assert listed(tmp_path / 'test/ImageSets/test.txt') == ['bear', 'cow']
    convert('DAVIS-2017-unsupervised', unsupervised(tmp_path / 'un'), tmp_path / 'void')
    np.testing.assert_array_equal(values(tmp_path / 'void/Annotations/cow/00001.png'), void(1))


@pytest.mark.parametrize(
    ('make', 'name', 'looks'),
    [
        (davis16, 'DAVIS-2017', 'DAVIS-2016'),
        (davis_dev, 'DAVIS-2017', 'DAVIS-2017-testdev'),
        (davis_dev, 'DAVIS-2016', 'DAVIS-2017-testdev'),
        (unsupervised, 'DAVIS-2017', 'DAVIS-2017-unsupervised'),
        (davis17, 'DAVIS-2017-testdev', 'DAVIS-2016 or DAVIS-2017'),
        (davis16, 'DAVIS-2017-unsupervised', 'DAVIS-2016'),
    ],
)
def test_another_version_of_davis_is_recognised(make, name, looks, tmp_path):
    with pytest.raises(DataError, match=f'this looks like {looks}'):
        convert(name, make(tmp_path / 'in'), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_versions_of_davis_that_lie_side_by_side_are_told_apart(tmp_path):
    davis16(tmp_path / 'in/2016')
    davis17(tmp_path / 'in/2017/trainval')
    davis_dev(tmp_path / 'in/2017/test-dev')
    save(tmp_path / 'in/2016/Annotations/480p/cow/00000.png', np.zeros(SIZE, np.uint8))
    convert('DAVIS-2016', tmp_path / 'in', tmp_path / 'a')
    assert not values(tmp_path / 'a/Annotations/cow/00000.png').any()
    assert convert('DAVIS-2017', tmp_path / 'in', tmp_path / 'b').counts['videos'] == 3
    assert convert('DAVIS-2017-testdev', tmp_path / 'in', tmp_path / 'c').counts['annotations'] == 2


def test_archives_of_davis_that_were_unpacked_into_one_folder_are_told_apart_by_their_lists(tmp_path):
    source = davis17(tmp_path / 'in')
    video(source, 'JPEGImages/480p/{}', 'Annotations/480p/{}', ('elk',), every=FRAMES)
    lists(source, '2017', test_dev=['elk'])
    assert convert('DAVIS-2017', source, tmp_path / 'a').counts == {'frames': 18, 'annotations': 18, 'videos': 3}
    assert convert('DAVIS-2017-testdev', source, tmp_path / 'b').counts['videos'] == 1


def test_another_resolution_is_named_and_can_be_chosen(tmp_path):
    source = davis16(tmp_path / 'in')
    shutil.rmtree(source / 'JPEGImages/480p')
    with pytest.raises(DataError, match='holds no 480p, but 1080p. Name one: --resolution'):
        convert('DAVIS-2016', source, tmp_path / 'out')
    assert convert('DAVIS-2016', source, tmp_path / 'out', resolution='1080p').counts['videos'] == 2


def test_a_listed_video_that_is_missing_is_taken_off_the_list_with_a_warning(tmp_path):
    source = davis17(tmp_path / 'in')
    shutil.rmtree(source / 'JPEGImages/480p/dog')
    summary = convert('DAVIS-2017', source, tmp_path / 'out')
    assert summary.warnings == {'videos of val.txt that are not there, taken off the list': ['dog']}
    assert listed(tmp_path / 'out/ImageSets/val.txt') == ['cow']


def test_youtube_vos_is_shrunk_for_training_and_linked_for_testing(tmp_path):
    source = youtube(tmp_path / 'in')
    summary = convert('YouTube-VOS', source, tmp_path / 'out', size=12)
    assert names(tmp_path / 'out') == ['all_frames', 'train_480p', 'valid']
    assert Image.open(tmp_path / 'out/train_480p/JPEGImages/bear/00005.jpg').size == (16, 12)
    assert set(np.unique(values(tmp_path / 'out/train_480p/Annotations/bear/00005.png'))) == {0, 1, 2}
    assert listed(tmp_path / 'out/train_480p/train.txt') == ['bear', 'cow']
    assert "not listed, as in XMem's released list" not in summary.notes
    assert (tmp_path / 'out/valid/JPEGImages/cow/00005.jpg').is_symlink()
    options = dict(all_frames=str(tmp_path / 'out/all_frames/valid_all_frames/JPEGImages'))
    shutil.rmtree(tmp_path / 'out/valid/JPEGImages/cow')
    (tmp_path / 'out/list.txt').write_text('bear\n')
    data = DATASETS.build(
        dict(
            type='PromptedVideos',
            data_root=str(tmp_path / 'out/valid'),
            layout='youtube_vos',
            layout_options=options,
            list_file='../list.txt',
        )
    )
    assert len(data) == 26
    assert data.describe(10)['prompt_ids'] == (2,)


@pytest.mark.parametrize(('videos', 'wrong'), [(474, 'YouTube-VOS-2019'), (507, 'YouTube-VOS')])
def test_the_year_of_youtube_vos_is_told_by_its_validation_videos(videos, wrong, tmp_path):
    for number in range(videos):
        (tmp_path / f'in/valid/JPEGImages/{number:010x}').mkdir(parents=True)
    with pytest.raises(DataError, match=f'is not {wrong}: this looks like YouTube-VOS'):
        convert(wrong, tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize(('objects', 'wrong'), [(5945, 'YouTube-VOS-2019'), (6459, 'YouTube-VOS')])
def test_the_year_of_youtube_vos_is_told_by_its_training_objects(objects, wrong, tmp_path):
    source = youtube(tmp_path / 'in')
    shutil.rmtree(source / 'valid')
    meta = {'videos': {'bear': {'objects': {str(number): {'frames': ['00000']} for number in range(objects)}}}}
    (source / 'train/meta.json').write_text(json.dumps(meta))
    with pytest.raises(DataError, match=f'is not {wrong}: this looks like '):
        convert(wrong, source, tmp_path / 'out')


def test_one_split_of_youtube_vos_alone_is_known_by_its_name_or_its_content(tmp_path):
    source = youtube(tmp_path / 'in')
    convert('YouTube-VOS', source / 'valid', tmp_path / 'a')
    assert names(tmp_path / 'a') == ['valid']
    shutil.move(source / 'train', tmp_path / 'unnamed')
    convert('YouTube-VOS', tmp_path / 'unnamed', tmp_path / 'b')
    assert names(tmp_path / 'b') == ['train_480p']


def test_vos_keeps_its_numbers_and_its_sparse_masks(tmp_path):
    source = RELEASES['VOS'](tmp_path / 'in')
    summary = convert('VOS', source, tmp_path / 'out')
    assert summary.counts == {'frames': 92, 'annotations': 8, 'videos': 2}
    assert names(tmp_path / 'out/Annotations/2') == [f'{number:05d}.png' for number in (0, 15, 30, 45)]
    (source / 'Annotations/10/00015.png').unlink()
    summary = convert('VOS', source, tmp_path / 'less')
    assert summary.warnings == {'frames without annotation': ['10/00015']}


def test_the_split_lists_of_a_project_fit_and_choose(tmp_path):
    (tmp_path / 'vos_test.txt').write_text('10\n')
    source = RELEASES['VOS'](tmp_path / 'in')
    convert('VOS', source, tmp_path / 'out', lists=[tmp_path / 'vos_test.txt'])
    assert names(tmp_path / 'out/JPEGImages') == ['10']
    assert listed(tmp_path / 'out/ImageSets/vos_test.txt') == ['10']


def test_fbms_is_paired_by_number_and_cut_at_its_own_background(tmp_path):
    summary = convert('FBMS', RELEASES['FBMS'](tmp_path / 'in'), tmp_path / 'out')
    assert summary.counts == {'frames': 9, 'annotations': 6, 'videos': 2}
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/cars1/00010.png'), union(5))
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/tennis/00002.png'), union(2))
    assert names(tmp_path / 'out/JPEGImages/cars1')[0] == '00005.jpg'
    assert listed(tmp_path / 'out/ImageSets/test.txt') == ['tennis']
    assert listed(tmp_path / 'out/ImageSets/train.txt') == ['cars1']


def test_an_annotation_of_fbms_without_its_frame_is_an_error(tmp_path):
    source = RELEASES['FBMS'](tmp_path / 'in')
    save(source / 'Trainingset/cars1/GroundTruth/cars1_01.pgm', mask())
    with pytest.raises(DataError, match=r'frame 1, but the frames of .* are 5 to 10'):
        convert('FBMS', source, tmp_path / 'out')


def test_fbms_in_the_layout_of_davis_is_read_too(tmp_path):
    source = video(tmp_path / 'in/FBMS', 'JPEGImages/{}', 'Annotations/{}', values=union, every=2, mode=None)
    assert convert('FBMS', source, tmp_path / 'out').counts['annotations'] == 6


def test_davsod_is_read_at_object_level_and_its_folders_become_lists(tmp_path):
    convert('DAVSOD', davsod(tmp_path / 'in'), tmp_path / 'out')
    expected = {
        'train': ['select_0001'],
        'val': ['select_0616_1'],
        'test': ['select_0003', 'select_0002'],
        'easy': ['select_0002'],
        'difficult': ['select_0003'],
    }
    assert {path.stem: listed(path) for path in (tmp_path / 'out/ImageSets').iterdir()} == expected
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/select_0616_1/00004.png'), union(4))
    convert('DAVSOD', tmp_path / 'in/Testing Set/Easy-35', tmp_path / 'easy')
    assert names(tmp_path / 'easy/ImageSets') == ['easy.txt', 'test.txt']


def test_segtrack_numbers_its_objects_and_the_later_one_wins(tmp_path):
    convert('SegTrackv2', RELEASES['SegTrackv2'](tmp_path / 'in'), tmp_path / 'out')
    expected = np.maximum(mask(left=4, value=1), mask(left=10, value=2))
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/bmx/bmx_003.png'), expected)
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/frog/frog_003.png'), mask(value=1))
    assert names(tmp_path / 'out/JPEGImages/frog')[0] == 'frog_000.bmp'


def test_long_time_video_has_its_copies_beside_it(tmp_path):
    convert('LongTimeVideo', RELEASES['LongTimeVideo'](tmp_path / 'in'), tmp_path / 'out')
    assert names(tmp_path / 'out') == ['Annotations', 'JPEGImages', 'davis']
    assert len(names(tmp_path / 'out/Annotations/bear')) == FRAMES // 2
    np.testing.assert_array_equal(values(tmp_path / 'out/davis/Annotations/cow/00002.png'), ids(1))


def test_archives_of_bl30k_that_hold_a_video_twice_are_refused(tmp_path):
    source = RELEASES['BL30K'](tmp_path / 'in')
    video(source / 'again/BL30K', 'JPEGImages/{}', 'Annotations/{}', ('cow',))
    with pytest.raises(DataError, match='two videos are called cow'):
        convert('BL30K', source, tmp_path / 'out')


def test_mose_keeps_its_splits_apart(tmp_path):
    summary = convert('MOSE', RELEASES['MOSE'](tmp_path / 'in'), tmp_path / 'out')
    assert summary.counts['train annotations'] == 2 * FRAMES
    assert summary.counts['valid annotations'] == 2
    np.testing.assert_array_equal(values(tmp_path / 'out/train/Annotations/cow/00005.png'), ids(5))


@pytest.mark.parametrize('layout', [('{}/Imgs', '{}/ground-truth'), ('{}/Frame', '{}/GT'), ('JPEGImages/{}', 'GT/{}')])
def test_layouts_in_circulation_are_found_and_others_can_be_given(layout, tmp_path):
    source = video(tmp_path / 'in/ViSal', *layout, values=union, every=2, mode=None)
    given = {}
    if layout[1] == 'GT/{}':
        with pytest.raises(DataError, match='0 annotated frames'):
            convert('ViSal', source.parent, tmp_path / 'out')
        given = dict(images='JPEGImages/{video}', masks='GT/{video}')
    summary = convert('ViSal', source, tmp_path / 'out', **given)
    assert summary.counts['annotations'] == FRAMES
    assert bool(given) == (not summary.notes)


def test_ids_are_linked_where_they_lie_unless_copies_are_wanted(tmp_path):
    source = RELEASES['MOSE'](tmp_path / 'in')
    convert('MOSE', source, tmp_path / 'out')
    assert (tmp_path / 'out/train/Annotations/bear/00000.png').samefile(source / 'train/Annotations/bear/00000.png')
    convert('MOSE', source, tmp_path / 'copies', how='copy')
    assert not any(path.is_symlink() for path in (tmp_path / 'copies').rglob('*'))


@pytest.mark.parametrize('name', [*RELEASES, *GROUPS, 'COCO-groups'])
def test_every_release_says_where_it_is_published_and_on_which_terms(name):
    converter = CONVERTERS[name]
    assert bool(converter.page) != bool(converter.title)
    assert converter.licence or name == 'COCO-groups'
    assert converter.published or name in ('BL30K', 'COCO-groups')
