"""Every set of image groups: as released, wrapped, littered, incomplete, converted twice, killed."""

import numpy as np
import pytest
from PIL import Image

from salseg.errors import DataError
from salseg.registry import DATASETS
from tests.apis.converting.small_groups import GROUPS, MASKS, SUFFIXES, coco, msrc, parallel, truth
from tests.apis.converting.trees import annotations, check_same, convert, halve, litter, snapshot, stamps

each = pytest.mark.parametrize('name', GROUPS)


@each
def test_images_and_masks_come_out_as_they_went_in(name, tmp_path):
    summary = convert(name, GROUPS[name](tmp_path / 'in'), tmp_path / 'out')
    assert summary.counts == {'groups': 2, 'images': 6}
    assert not summary.warnings
    assert not summary.left
    data = DATASETS.build(dict(type='GroupDataset', data_root=str(tmp_path / 'out'), encoding='binary'))
    assert [group for group, _ in data.groups] == ['accordion', 'alarm clock']
    for place, (group, items) in enumerate(data.groups):
        for number, (stem, image, label) in enumerate(items):
            assert image == tmp_path / 'out/image' / group / f'0{number}.5{SUFFIXES.get(name, ".jpg")}'
            assert stem == f'0{number}.5'
            np.testing.assert_array_equal(np.asarray(Image.open(label)), truth(10 * place + number))


@each
@pytest.mark.parametrize('around', ['', 'release', 'release/inner'])
def test_folders_around_and_litter_change_nothing(name, around, tmp_path):
    convert(name, GROUPS[name](tmp_path / 'plain'), tmp_path / 'expected')
    source = tmp_path / 'in' / around
    litter(GROUPS[name](source))
    convert(name, tmp_path / 'in', tmp_path / 'out')
    check_same(snapshot(tmp_path / 'out'), snapshot(tmp_path / 'expected'))


@each
def test_a_third_of_the_masks_missing_is_a_warning_and_two_thirds_an_error(name, tmp_path):
    source = GROUPS[name](tmp_path / 'in')
    files = annotations(source, MASKS)
    assert len(files) == 6
    for path in files[:2]:
        path.unlink()
    summary = convert(name, source, tmp_path / 'out')
    (missing,) = summary.warnings.values()
    assert missing == ['accordion/00.5', 'accordion/01.5']
    assert summary.counts['images'] == 4
    for path in files[2:4]:
        path.unlink()
    with pytest.raises(DataError, match='4 of 6 images have no mask, accordion/00.5, .* --partial'):
        convert(name, source, tmp_path / 'other')
    assert convert(name, source, tmp_path / 'other', partial=True).counts['images'] == 2


@each
def test_a_source_without_groups_says_what_it_holds(name, tmp_path):
    (tmp_path / 'in/readme').mkdir(parents=True)
    with pytest.raises(DataError, match=r'no group of images. Looked for .* The folder holds readme/.'):
        convert(name, tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@each
def test_a_second_run_changes_nothing_and_a_killed_one_is_completed(name, tmp_path):
    source = GROUPS[name](tmp_path / 'in')
    first = convert(name, source, tmp_path / 'out')
    expected, before = snapshot(tmp_path / 'out'), stamps(tmp_path / 'out')
    assert convert(name, source, tmp_path / 'out') == first
    assert stamps(tmp_path / 'out') == before
    halve(tmp_path / 'out')
    assert convert(name, source, tmp_path / 'out') == first
    check_same(snapshot(tmp_path / 'out'), expected)


def test_images_and_masks_of_two_archives_are_found_side_by_side(tmp_path):
    source = parallel(tmp_path / 'in', 'images.zip/Image', 'masks.zip/GroundTruth', ('cow',))
    assert convert('CoSOD3k', source, tmp_path / 'out').counts == {'groups': 1, 'images': 3}


def test_a_set_is_found_among_others_in_the_tree_of_the_released_code(tmp_path):
    for name, groups in (('CoCA', ('cow',)), ('CoSal2015', ('axe', 'bee'))):
        parallel(tmp_path / 'in', f'images/{name}', f'gts/{name}', groups)
    assert convert('Cosal2015', tmp_path / 'in', tmp_path / 'out').counts['groups'] == 2
    assert convert('CoCA', tmp_path / 'in', tmp_path / 'other').counts['groups'] == 1


def test_folders_that_no_release_documents_are_told_and_can_be_given(tmp_path):
    (places,) = convert('iCoseg', GROUPS['iCoseg'](tmp_path / 'in'), tmp_path / 'out').notes.values()
    assert places == ['images/accordion and ground_truth/accordion']
    parallel(tmp_path / 'odd', 'photos', 'cutouts', ('cow',))
    with pytest.raises(DataError, match='no group'):
        convert('iCoseg', tmp_path / 'odd', tmp_path / 'given')
    summary = convert('iCoseg', tmp_path / 'odd', tmp_path / 'given', images='photos', masks='cutouts/{group}')
    assert summary.counts['images'] == 3


@pytest.mark.parametrize(('number', 'version'), [(7, '7 groups, 233'), (8, '8 groups, 240')])
def test_the_version_of_msrc_is_told(number, version, tmp_path):
    source = parallel(tmp_path / 'in', 'Image', 'GroundTruth', [f'group{n}' for n in range(number)])
    (told,) = convert('MSRC', source, tmp_path / 'out').notes['version']
    assert told.startswith(version)
    assert 'version' not in convert('MSRC', msrc(tmp_path / 'other'), tmp_path / 'none').notes


def test_the_size_of_the_images_of_coco_seg_is_told(tmp_path):
    source = GROUPS['CoCo-SEG'](tmp_path / 'in')
    assert 'not the copy of 224x224' in convert('CoCo-SEG', source, tmp_path / 'out').notes['version'][0]


def test_groups_of_coco_have_large_objects_that_are_no_crowds(tmp_path):
    source = coco(tmp_path / 'in/coco')
    summary = convert('COCO-groups', source.parent, tmp_path / 'out')
    assert summary.counts == {'groups': 1, 'images': 3}
    assert (tmp_path / 'out/img/cat/000000000001.jpg').is_symlink()
    expected = np.zeros((100, 120), np.uint8)
    expected[10:90, 20:100] = 255
    inside = np.asarray(Image.open(tmp_path / 'out/gt/cat/000000000000.png'))
    np.testing.assert_array_equal(inside, expected)
    before = snapshot(tmp_path / 'out')
    halve(tmp_path / 'out')
    assert convert('COCO-groups', source, tmp_path / 'out').counts == summary.counts
    check_same(snapshot(tmp_path / 'out'), before)
