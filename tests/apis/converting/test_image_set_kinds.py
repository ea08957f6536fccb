"""What is particular to a set: forms in which it circulates, lists, ids and void, images without mask."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from salseg.apis.converting import find_converter
from salseg.apis.converting.shrunk_sets import put_small
from salseg.datasets import SaliencyDataset
from salseg.errors import DataError, LabelError
from salseg.io.annotations import UNKNOWN, read_annotation
from tests.apis.converting.image_releases import RELEASES, binary
from tests.apis.converting.test_image_sets import check, convert, made
from tests.datasets.checking.folders import SIZE, draw_image, mask, save, scribble


def values(path):
    return np.asarray(Image.open(path))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def split(root, images, masks, keys='abcdef', suffix='.jpg'):
    for number, key in enumerate(keys):
        save(root / images / f'{key}{suffix}', draw_image(number))
        save(root / masks / f'{key}.png', mask(left=number))
    return root


@pytest.mark.parametrize('form', ['image/mask', 'Imgs/GT', 'JPEGImages/Annotations'])
@pytest.mark.parametrize('name', ['ECSSD', 'DUT-OMRON', 'PASCAL-S', 'HKU-IS', 'MSRA10K', 'MSRA-B', 'HRSOD', 'THUR15K'])
def test_copies_in_usual_folders_are_taken_and_the_summary_says_so(name, form, tmp_path):
    images, masks = form.split('/')
    split(tmp_path / 'in', images, masks)
    summary = convert(name, tmp_path / 'in', tmp_path / 'out')
    assert names(tmp_path / 'out/mask') == [f'{key}.png' for key in 'abcdef']
    said = summary.notes.get('taken from folders that the release does not document', [])
    documented = name in ('HKU-IS', 'MSRA-B') and form == 'Imgs/GT'
    assert said == ([] if documented else [f'{images}/', f'{masks}/'])


@pytest.mark.parametrize(('name', 'folder'), [('ECSSD', 'ecssd'), ('DUTS', 'DUTS-TR'), ('BIG', 'BIG_small')])
def test_xmems_flat_folders_of_images_and_masks_are_read(name, folder, tmp_path):
    split(tmp_path / 'static', folder, folder)
    convert(name, tmp_path / 'static', tmp_path / 'out')
    assert names(tmp_path / 'out/image') == [f'{key}.jpg' for key in 'abcdef']


def test_a_folder_of_a_strange_name_is_named_by_the_user(tmp_path):
    split(tmp_path / 'in', 'photographs', 'truth')
    with pytest.raises(
        DataError, match=r'though images in photographs/, truth/.*The folder holds photographs/, truth/'
    ):
        convert('ECSSD', tmp_path / 'in', tmp_path / 'out')
    summary = convert('ECSSD', tmp_path / 'in', tmp_path / 'out', images='photographs', masks='truth')
    assert summary.counts == {'pairs': 6}
    assert not summary.notes


def test_classes_of_a_strange_place_are_named_by_the_user(tmp_path):
    for name in ('plane', 'mug'):
        split(tmp_path / 'in', f'{name}/photos', f'{name}/truth', 'ab')
    options = dict(images='{class}/photos', masks='{class}/truth')
    convert('THUR15K', tmp_path / 'in', tmp_path / 'out', **options)
    data = SaliencyDataset(str(tmp_path / 'out'))
    assert [data.describe(n)['set_id'] for n in range(len(data))] == ['mug/a', 'mug/b', 'plane/a', 'plane/b']


def test_two_sets_in_one_source_are_not_mixed(tmp_path):
    for name in ('one', 'two'):
        split(tmp_path / 'in', f'{name}/images', f'{name}/ground_truth_mask')
    with pytest.raises(DataError, match=r'several folders that may be the images: one/images/, two/images/'):
        convert('ECSSD', tmp_path / 'in', tmp_path / 'out')


def test_two_copies_of_a_set_of_classes_are_not_mixed(tmp_path):
    for name in ('one', 'two'):
        RELEASES['FSS-1000'].make(tmp_path / 'in' / name)
    with pytest.raises(DataError, match='seems to hold the set twice'):
        convert('FSS-1000', tmp_path / 'in', tmp_path / 'out')


def test_the_four_images_of_dut_omron_without_truth_are_a_note(tmp_path):
    summary = convert('DUT-OMRON', made(tmp_path / 'in', 'DUT-OMRON'), tmp_path / 'out')
    assert len(summary.notes['images that the release has no mask for, left out']) == 4


def test_images_of_thur15k_without_mask_are_a_note_however_many(tmp_path):
    source = made(tmp_path / 'in', 'THUR15K')
    for number in range(50):
        save(source / f'THUR15000/Plane/Src/{number}.jpg', draw_image(number))
    summary = convert('THUR15K', source, tmp_path / 'out')
    assert len(summary.notes['images that the release has no mask for, left out']) == 51
    assert not summary.warnings
    assert names(tmp_path / 'out/image') == ['Butterfly', 'Giraffe']
    assert 'warning: 6 pairs, published 6,232' in summary.text(find_converter('THUR15K').published)


def test_masks_that_are_no_png_become_one_with_the_same_label(tmp_path):
    split(tmp_path / 'in', 'images', 'ground_truth_mask')
    for path in (tmp_path / 'in/ground_truth_mask').iterdir():
        Image.open(path).point(lambda value: value > 0, '1').save(path.with_suffix('.bmp'))
        path.unlink()
    convert('ECSSD', tmp_path / 'in', tmp_path / 'out')
    np.testing.assert_array_equal(values(tmp_path / 'out/mask/c.png'), mask(left=2))


# Lists


def lists(root, form):
    """Train, val and test of the six keys of MSRA-B, in one of the forms."""
    keys = RELEASES['MSRA-B'].keys
    for name, members in (('train', keys[:3]), ('val', keys[3:4]), ('test', keys[4:])):
        root.mkdir(exist_ok=True, parents=True)
        if form == 'rcrnet':
            (root / f'{name}_id.txt').write_text(' '.join(members))
        elif form == 'lines':
            (root / f'{name}.txt').write_text('\r\n'.join(f'{key}.jpg' for key in members))
        else:
            cells = np.empty((len(members), 1), object)
            cells[:, 0] = [f'{key}.jpg' for key in members]
            savemat(root / f'{name}ImgSet.mat', {f'{name}ImgSet': cells, 'count': len(members)})
    return root


def written(out):
    return {path.name: path.read_text().split() for path in out.glob('*.txt')}


EXPECTED = {'train.txt': (0, 3), 'val.txt': (3, 4), 'test.txt': (4, 6)}


@pytest.mark.parametrize('form', ['rcrnet', 'lines', 'matlab'])
@pytest.mark.parametrize('inside', [True, False])
def test_lists_of_the_splits_are_found_or_given(form, inside, tmp_path):
    source = made(tmp_path / 'in', 'MSRA-B')
    place = lists(source / 'ImageSets' if inside else tmp_path / 'lists', form)
    (source / 'training notes.txt').write_text('how we made it')
    options = {} if inside else dict(lists=sorted(place.iterdir()))
    summary = convert('MSRA-B', source, tmp_path / 'out', **options)
    keys = RELEASES['MSRA-B'].keys
    assert written(tmp_path / 'out') == {name: list(keys[a:b]) for name, (a, b) in EXPECTED.items()}
    assert 'no list of the splits was found' not in summary.notes


@pytest.mark.parametrize('name', ['MSRA-B', 'HKU-IS'])
def test_without_lists_all_pairs_train_and_the_summary_says_so(name, tmp_path):
    source = made(tmp_path / 'in', name)
    summary = convert(name, source, tmp_path / 'out')
    assert written(tmp_path / 'out') == {'train.txt': list(RELEASES[name].keys)}
    (said,) = summary.notes['no list of the splits was found']
    assert said.startswith('train.txt names all 6 pairs; for the published 2,500, 500 and ')
    assert said.endswith('--lists FILE ...')


def test_a_split_of_an_earlier_conversion_does_not_stay_beside_all_pairs(tmp_path):
    source = made(tmp_path / 'in', 'MSRA-B')
    convert('MSRA-B', source, tmp_path / 'out', lists=sorted(lists(tmp_path / 'lists', 'rcrnet').iterdir()))
    convert('MSRA-B', source, tmp_path / 'out')
    assert list(written(tmp_path / 'out')) == ['train.txt']


def test_names_of_a_list_without_pair_are_left_out_of_it(tmp_path):
    source = made(tmp_path / 'in', 'MSRA-B')
    keys = RELEASES['MSRA-B'].keys
    (source / f'MSRA-B/{keys[0]}.png').unlink()
    (tmp_path / 'train.txt').write_text(f'{keys[0]} {keys[1]} stranger')
    summary = convert('MSRA-B', source, tmp_path / 'out', lists=[tmp_path / 'train.txt'])
    assert written(tmp_path / 'out') == {'train.txt': [keys[1]]}
    assert summary.warnings == {
        'images without mask, left out': [keys[0]],
        'names of train.txt without image': ['stranger'],
    }


def test_a_list_of_another_set_or_of_no_split_is_refused(tmp_path):
    source = made(tmp_path / 'in', 'HKU-IS')
    (tmp_path / 'train.txt').write_text('stranger other')
    with pytest.raises(DataError, match='none of its 2 names is an image, stranger, other'):
        convert('HKU-IS', source, tmp_path / 'out', lists=[tmp_path / 'train.txt'])
    (tmp_path / 'some.txt').write_text('0001')
    with pytest.raises(DataError, match='called after none of train, val, test'):
        convert('HKU-IS', source, tmp_path / 'out', lists=[tmp_path / 'some.txt'])
    assert not (tmp_path / 'out').exists()


def test_lists_of_duts_hrsod_and_voc_are_the_releases_own(tmp_path):
    for name in ('DUTS', 'HRSOD', 'VOC2012', 'BIG'):
        convert(name, made(tmp_path / 'in' / name, name), tmp_path / name)
    duts, hrsod, voc, big = (RELEASES[name].keys for name in ('DUTS', 'HRSOD', 'VOC2012', 'BIG'))
    assert written(tmp_path / 'DUTS') == {'train.txt': list(duts[3:]), 'test.txt': list(duts[:3])}
    assert written(tmp_path / 'HRSOD') == {'train.txt': list(hrsod[:4]), 'test.txt': list(hrsod[4:])}
    assert written(tmp_path / 'BIG') == {'val.txt': list(big[:2]), 'test.txt': list(big[2:])}
    assert written(tmp_path / 'VOC2012') == {
        'train.txt': list(voc[:4]), 'val.txt': list(voc[4:]), 'trainval.txt': list(voc)
    }  # fmt: skip


def test_the_parts_of_duts_may_come_one_after_the_other(tmp_path):
    source = made(tmp_path / 'in', 'DUTS')
    convert('DUTS', source / 'DUTS-TE', tmp_path / 'out')
    summary = convert('DUTS', source / 'DUTS-TR', tmp_path / 'out')
    assert summary.counts == {'train images': 3}
    check(tmp_path / 'out', 'DUTS')
    assert len(written(tmp_path / 'out')) == 2


# Scribbles


@pytest.fixture()
def duts(tmp_path):
    convert('DUTS', made(tmp_path / 'duts', 'DUTS'), tmp_path / 'out')
    return tmp_path / 'out'


TRAINING = RELEASES['DUTS'].keys[3:]


def test_the_annotators_two_folders_become_codes_beside_duts(duts, tmp_path):
    for key in TRAINING:
        objects = (scribble() == 1) * np.uint8(255)
        save(tmp_path / 's/related/img' / f'{key}.jpg', draw_image(0))
        save(tmp_path / 's/related/gt' / f'{key}.png', objects)
        save(tmp_path / 's/related/mask' / f'{key}.png', (scribble() > 0) * np.uint8(255))
        save(tmp_path / 's/related/gray' / f'{key}.png', objects)
        save(tmp_path / 's/related/edge' / f'{key}.png', objects)
    summary = convert('S-DUTS', tmp_path / 's', duts)
    assert summary.counts == {'scribbles': 3}
    for key in TRAINING:
        np.testing.assert_array_equal(values(duts / f'scribble/{key}.png'), scribble())


def test_masks_of_255_given_as_scribbles_are_refused(duts, tmp_path):
    for key in TRAINING:
        save(tmp_path / 's' / f'{key}.png', mask())
    with pytest.raises(LabelError, match=r'holds the codes 0, 255.*a scribble has 0 unknown'):
        convert('S-DUTS', tmp_path / 's', duts)


def test_most_scribbles_missing_is_an_error_and_fewer_a_warning(duts, tmp_path):
    save(tmp_path / 's' / f'{TRAINING[0]}.png', scribble())
    with pytest.raises(DataError, match='2 of 3 images have no scribble'):
        convert('S-DUTS', tmp_path / 's', duts)
    save(tmp_path / 's' / f'{TRAINING[1]}.png', scribble())
    summary = convert('S-DUTS', tmp_path / 's', duts)
    assert summary.warnings == {'images without scribble, left out': [TRAINING[2]]}
    assert written(duts)['train.txt'] == list(TRAINING[:2])
    # The archive is complete now.
    save(tmp_path / 's' / f'{TRAINING[2]}.png', scribble())
    assert not convert('S-DUTS', tmp_path / 's', duts).warnings
    assert written(duts)['train.txt'] == list(TRAINING)


def test_scribbles_of_another_size_and_of_one_class_are_said(duts, tmp_path):
    for key in TRAINING:
        save(tmp_path / 's' / f'{key}.png', scribble())
    save(tmp_path / 's' / f'{TRAINING[0]}.png', scribble((24, 40)))
    save(tmp_path / 's' / f'{TRAINING[1]}.png', (scribble() == 1).astype(np.uint8))
    summary = convert('S-DUTS', tmp_path / 's', duts)
    assert summary.warnings == {'scribbles of another size than their image': [TRAINING[0]]}
    assert summary.notes['scribbles of one class only'] == [f'{TRAINING[1]}.png']


def test_thin_and_wide_scribbles_side_by_side_must_be_chosen(duts, tmp_path):
    for kind in ('thin', 'wide'):
        save(tmp_path / 's' / kind / f'{TRAINING[0]}.png', scribble())
    with pytest.raises(DataError, match='scribbles of the same images in thin/, wide/: give one of these folders'):
        convert('S-DUTS', tmp_path / 's', duts)


# Ids and void


def test_voc_read_as_masks_is_an_error_that_names_file_values_and_remedy(tmp_path):
    convert('VOC2012', made(tmp_path / 'in', 'VOC2012'), tmp_path / 'out')
    data = SaliencyDataset(str(tmp_path / 'out'), pipeline=[dict(type='LoadFrames'), dict(type='LoadLabels')])
    with pytest.raises(LabelError, match=r"2007_000000\.png holds the values 0, 1, 2, 255.*encoding='index'"):
        data[0]


def test_void_of_voc_stays_unknown_in_training(tmp_path):
    convert('VOC2012', made(tmp_path / 'in', 'VOC2012'), tmp_path / 'out')
    for encoding, expected in (('index', {0, 1, 2, UNKNOWN}), ('union', {0, 1, UNKNOWN})):
        labels = read_annotation(tmp_path / 'out/mask/2007_000003.png', encoding)
        assert set(np.unique(labels)) == expected


def test_images_of_voc_without_segmentation_are_a_note_and_another_year_does_not_count(tmp_path):
    source = made(tmp_path / 'in', 'VOC2012')
    split(source / 'VOCdevkit/VOC2007', 'JPEGImages', 'SegmentationObject', ['000001'])
    summary = convert('VOC2012', source, tmp_path / 'out')
    assert summary.notes == {'images that the release has no mask for, left out': ['2009_000001']}
    check(tmp_path / 'out', 'VOC2012')


def test_crowds_of_coco_are_counted_and_left_out(tmp_path):
    summary = convert('COCO', made(tmp_path / 'in', 'COCO'), tmp_path / 'out')
    assert summary.notes == {
        'instances that are left out': ['6 crowd regions (iscrowd 1)'],
        'images that the release has no instance for, left out': ['000000000999'],
    }
    assert summary.counts == {'pairs': 6, 'objects': 12}
    assert Image.open(tmp_path / 'out/mask/000000000009.png').mode == 'P'


def test_an_image_of_coco_of_another_size_than_its_annotations_is_an_error(tmp_path):
    source = made(tmp_path / 'in', 'COCO')
    save(source / 'train2017/000000000010.jpg', draw_image(0, (10, 12)))
    with pytest.raises(DataError, match=r'000000000010\.jpg is 12x10 \(width x height\), its annotations are of 32x24'):
        convert('COCO', source, tmp_path / 'out')


def test_coco_without_annotations_says_which_file_it_looked_for(tmp_path):
    source = made(tmp_path / 'in', 'COCO')
    (source / 'annotations/instances_train2017.json').rename(source / 'annotations/captions_train2017.json')
    with pytest.raises(DataError, match=r'Looked for instances_train2017\.json'):
        convert('COCO', source, tmp_path / 'out')
    path = source / 'annotations/captions_train2017.json'
    path.write_text(json.dumps(dict(images=[], captions=[])))
    with pytest.raises(DataError, match='is no instance annotation of COCO'):
        convert('COCO', source, tmp_path / 'out', annotations=path)


def test_the_second_form_of_fss_has_the_same_keys(tmp_path):
    for number, key in enumerate(RELEASES['FSS-1000'].keys):
        name, stem = key.split('/')
        save(tmp_path / 'in/support' / name / 'image' / f'{stem}.jpg', draw_image(number))
        save(tmp_path / 'in/support' / name / 'label' / f'{stem}.png', binary(number) * np.uint8(255))
    save(tmp_path / 'in/query/a & b=1%.jpg', draw_image(9))
    assert not convert('FSS-1000', tmp_path / 'in', tmp_path / 'out').notes
    check(tmp_path / 'out', 'FSS-1000')


# Shrunk sets


def test_several_masks_of_an_image_of_big_are_united_whatever_side_the_suffix_is_on(tmp_path):
    upper, lower = mask(), np.roll(mask(), 8, 1)
    save(tmp_path / 'in/a_1_im.jpg', draw_image(0))
    save(tmp_path / 'in/a_1_gt_person.png', upper)
    save(tmp_path / 'in/a_1_dog_gt.png', lower)
    save(tmp_path / 'in/a_1_seg.png', np.full(SIZE, 255, np.uint8))
    summary = convert('BIG', tmp_path / 'in', tmp_path / 'out')
    assert summary.notes['images of several masks, united'] == ['a_1']
    np.testing.assert_array_equal(values(tmp_path / 'out/mask/a_1.png'), np.maximum(upper, lower))


def test_what_is_small_already_is_not_resized(tmp_path):
    split(tmp_path / 'in', 'images', 'masks')
    convert('HRSOD', tmp_path / 'in', tmp_path / 'out')
    assert (tmp_path / 'out/image/a.jpg').samefile(tmp_path / 'in/images/a.jpg')
    assert (tmp_path / 'out/mask/a.png').samefile(tmp_path / 'in/masks/a.png')


def test_the_shorter_side_becomes_480_and_the_other_follows(tmp_path):
    save(tmp_path / 'a.jpg', draw_image(0, (1500, 701)))
    save(tmp_path / 'a.png', mask((1500, 701)))
    put_small(tmp_path / 'a.jpg', [tmp_path / 'a.png'], tmp_path / 'out', 'a', 'copy')
    for kind in ('image', 'mask'):
        assert values(tmp_path / f'out/{kind}/a.png').shape[:2] == (round(1500 * 480 / 701), 480)


def test_a_mask_of_another_size_than_its_large_image_is_an_error_of_both_sizes(tmp_path):
    save(tmp_path / 'a.jpg', draw_image(0, (500, 600)))
    save(tmp_path / 'a.png', mask((500, 601)))
    with pytest.raises(DataError, match=r'a\.jpg is \(500, 600\), .*a\.png is \(500, 601\)'):
        put_small(tmp_path / 'a.jpg', [tmp_path / 'a.png'], tmp_path / 'out', 'a', 'copy')
