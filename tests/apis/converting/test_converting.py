import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from salseg.apis.converting import CONVERTERS, find_converter
from salseg.apis.converting.boxes import write_boxes
from salseg.apis.converting.files import Summary, check_names, safe_name, safe_names, take, unwrapped
from salseg.apis.converting.coco import coco_groups, instance_mask
from salseg.apis.converting.cosod import convert_groups
from salseg.apis.converting.saliency import add_scribbles, convert_duts
from salseg.apis.converting.scribbles import convert_scribbles, draw_from_masks, merge_scribbles
from salseg.apis.converting.videos import convert_videos
from salseg.datasets.checking import check_folder
from salseg.errors import DataError
from salseg.registry import DATASETS
from tests.datasets.checking.folders import SIZE, groups, images, mask, draw_image, save, scribble, videos


def values(path):
    return np.asarray(Image.open(path))


def state(root):
    """Every file of a folder with its content."""
    return {path: path.read_bytes() for path in root.rglob('*') if path.is_file()}


def sound(out, kind=None):
    report = check_folder(out)
    assert not report.findings.failed, report.findings.by_kind
    assert kind in (None, report.plan.kind)
    return report


def test_duts_and_its_scribbles_become_one_folder_that_loads(tmp_path):
    train, test = tmp_path / 'in/DUTS-TR', tmp_path / 'in/DUTS-TE'
    for number, name in enumerate(('n01_1', 'sun_a.b', 'lone')):
        save(train / 'DUTS-TR-Image' / f'{name}.jpg', draw_image(number))
        save(train / 'DUTS-TR-Mask' / f'{name}.png', mask())
    for name in ('n01_1', 'sun_a.b', 'stray'):
        save(tmp_path / 's' / f'{name}.png', scribble())
    save(test / 'DUTS-TE-Image/x.jpg', draw_image(9))
    save(test / 'DUTS-TE-Mask/x.png', mask())
    before = state(tmp_path)
    assert convert_duts(tmp_path / 'in', tmp_path / 'out').counts == {'train images': 3, 'test images': 1}
    summary = add_scribbles(tmp_path / 's', tmp_path / 'out')
    assert summary.counts == {'scribbles': 2}
    assert summary.warnings == {
        'images without scribble, left out': ['lone'], 'scribbles without image, left out': ['stray']
    }  # fmt: skip
    assert {path: data for path, data in state(tmp_path).items() if 'out' not in path.parts} == before
    root = str(tmp_path / 'out')
    data = DATASETS.build(dict(type='SaliencyDataset', data_root=root, list_file='train.txt', encoding='scribble'))
    assert [data.describe(index)['set_id'] for index in range(len(data))] == ['n01_1', 'sun_a.b']
    sound(tmp_path / 'out', 'scribble')


def scribble_folders(root, stray=False):
    objects, scribbles = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    objects[5, 3:9] = 255
    scribbles[5, 3:9], scribbles[15, 2:20] = 255, 255
    save(root / 'img/a.jpg', draw_image(0))
    save(root / 'gt/a.png', scribbles if stray else objects)
    save(root / 'mask/a.png', objects if stray else scribbles)
    return root


def test_scribbles_of_a_folder_per_class_become_codes(tmp_path):
    merge_scribbles(scribble_folders(tmp_path / 'in'), tmp_path / 'out')
    codes = values(tmp_path / 'out/scribble/a.png')
    expected = np.zeros(SIZE, np.uint8)
    expected[5, 3:9], expected[15, 2:20] = 1, 2
    np.testing.assert_array_equal(codes, expected)
    sound(tmp_path / 'out', 'scribble')


def test_swapped_scribble_folders_are_noticed(tmp_path):
    with pytest.raises(DataError, match='18 object pixels that are no scribble'):
        merge_scribbles(scribble_folders(tmp_path / 'in', stray=True), tmp_path / 'out')


def test_drawn_scribbles_keep_to_their_side_and_depend_on_seed_and_name_only(tmp_path):
    source = images(tmp_path / 'in')
    save(source / 'mask/c.png', np.zeros(SIZE, np.uint8))
    summary = draw_from_masks(source, tmp_path / 'first')
    draw_from_masks(source, tmp_path / 'again')
    draw_from_masks(source, tmp_path / 'other', seed=1)
    assert [os.path.basename(path) for path in summary.left['masks without object']] == ['c.png']
    first = {name: values(tmp_path / f'first/scribble/{name}.png') for name in 'ab'}
    for name, codes in first.items():
        assert set(np.unique(codes)) == {0, 1, 2}
        assert not ((codes == 1) & (mask() == 0)).any()
        assert not ((codes == 2) & (mask() > 0)).any()
        np.testing.assert_array_equal(codes, values(tmp_path / f'again/scribble/{name}.png'))
    assert any((codes != values(tmp_path / f'other/scribble/{n}.png')).any() for n, codes in first.items())
    assert (tmp_path / 'first/train.txt').read_text() == 'a\nb\n'


def test_a_stopped_conversion_goes_on_and_keeps_what_is_there(tmp_path):
    source = images(tmp_path / 'in')
    draw_from_masks(source, tmp_path / 'out')
    kept, redone = tmp_path / 'out/scribble/a.png', tmp_path / 'out/scribble/b.png'
    stamp, content = kept.stat().st_mtime_ns, redone.read_bytes()
    redone.unlink()
    draw_from_masks(source, tmp_path / 'out')
    assert kept.stat().st_mtime_ns == stamp
    assert redone.read_bytes() == content


def test_the_source_is_never_written_to(tmp_path):
    source = images(tmp_path / 'in')
    for out in (source, source / 'out', tmp_path):
        with pytest.raises(DataError, match='lie in each other'):
            draw_from_masks(source, out)


@pytest.mark.parametrize('how', ['hardlink', 'symlink'])
def test_images_can_be_linked(tmp_path, how):
    convert_groups(groups(tmp_path / 'in'), tmp_path / 'out', how=how)
    linked, original = tmp_path / 'out/image/group 0/0.jpg', tmp_path / 'in/image/group 0/0.jpg'
    assert linked.samefile(original)
    assert linked.is_symlink() == (how == 'symlink')


def test_chosen_groups_only_and_an_unknown_one_is_named(tmp_path):
    source = groups(tmp_path / 'in')
    convert_groups(source, tmp_path / 'out', groups=['group 1'])
    assert sorted(path.name for path in (tmp_path / 'out/image').iterdir()) == ['group 1']
    with pytest.raises(DataError, match='group 0, group 1'):
        convert_groups(source, tmp_path / 'other', groups=['group 7'])


def test_davis_of_2017_becomes_the_task_of_2016_with_lists_of_either_form(tmp_path):
    source = videos(tmp_path / 'in')
    (tmp_path / 'val.txt').write_text('/JPEGImages/480p/cow/00000.jpg /Annotations/480p/cow/00000.png\n' * 2)
    convert_videos(source, tmp_path / 'out', lists=[tmp_path / 'val.txt'])
    assert sorted(path.name for path in (tmp_path / 'out/JPEGImages').iterdir()) == ['cow']
    assert (tmp_path / 'out/ImageSets/val.txt').read_text() == 'cow\n'
    before = values(source / 'Annotations/cow/00002.png')
    assert before.max() == 2
    np.testing.assert_array_equal(values(tmp_path / 'out/Annotations/cow/00002.png'), (before > 0) * np.uint8(255))
    sound(tmp_path / 'out', 'vsod')


def test_unknown_pixels_beside_ids_and_soft_masks_are_united_rightly(tmp_path):
    from salseg.apis.converting.writing_videos import united

    ids = np.array([[0, 1, 2, 255]], np.uint8)
    soft = np.array([[0, 100, 200, 255]], np.uint8)
    assert united(save(tmp_path / 'ids.png', ids, 'P')).tolist() == [[0, 255, 255, 0]]
    assert united(save(tmp_path / 'soft.png', soft)).tolist() == [[0, 0, 255, 255]]
    assert united(save(tmp_path / 'mask.png', ids // 255 * 255)).tolist() == [[0, 0, 0, 255]]


def coco(root):
    """Three images of cats, two of dogs, one of them small; a crowd."""
    entries, annotations = [], []

    def instance(image, category, x, y, side, crowd=0):
        polygon = [x, y, x + side, y, x + side, y + side, x, y + side]
        annotations.append(
            dict(image_id=image, category_id=category, segmentation=[polygon], area=side * side, iscrowd=crowd)
        )

    for number in range(1, 4):
        save(root / 'train' / f'{number:012d}.jpg', draw_image(number, (60, 80)))
        entries.append(dict(id=number, file_name=f'{number:012d}.jpg', height=60, width=80))
        instance(number, 1, 2 * number, 3, 10 + number)
    instance(1, 1, 40, 30, 12)
    instance(1, 2, 50, 3, 14)
    instance(2, 2, 50, 3, 5)
    instance(3, 2, 0, 0, 50, crowd=1)
    categories = [dict(id=1, name='cat'), dict(id=2, name='dog')]
    path = root / 'instances.json'
    path.write_text(json.dumps(dict(images=entries, annotations=annotations, categories=categories)))
    return root / 'train', path


def test_groups_of_coco_unite_the_large_instances_of_their_category(tmp_path):
    images, annotations = coco(tmp_path)
    summary = coco_groups(images, tmp_path / 'out', annotations=annotations, min_area=100)
    assert summary.counts == {'groups': 1, 'images': 3}
    assert summary.notes['categories with too few images'] == ['dog: 1']
    assert [note.split(' (')[0] for note in summary.notes['instances that are not used']] == [
        '1 are not larger than 100 pixels',
        '1 are crowds',
        '1 in categories with fewer than 2 images',
    ]
    assert not summary.left
    expected = np.zeros((60, 80), np.uint8)
    expected[3:14, 2:13], expected[30:42, 40:52] = 255, 255
    np.testing.assert_array_equal(values(tmp_path / 'out/gt/cat/000000000001.png'), expected)
    sound(tmp_path / 'out', 'cosod')


def test_groups_of_coco_can_be_cut_and_made_square(tmp_path):
    images, annotations = coco(tmp_path)
    coco_groups(images, tmp_path / 'out', annotations=annotations, min_area=100, most=2, size=16)
    assert sorted(path.stem[-1] for path in (tmp_path / 'out/img/cat').iterdir()) == ['1', '3']
    assert Image.open(tmp_path / 'out/gt/cat/000000000003.png').size == (16, 16)


def test_run_lengths_are_decoded_column_by_column_plain_and_compressed():
    expected = np.zeros((3, 4), bool)
    expected[1:, 1] = expected[0, 2] = True
    plain = dict(size=[3, 4], counts=[4, 3, 5])
    # Counts 4, 3, 5: one character each below 16, code 48 + value.
    compressed = dict(size=[3, 4], counts='435')
    for runs in (plain, compressed):
        np.testing.assert_array_equal(instance_mask(runs, (3, 4)), expected)
    # From the fourth on counts are differences to the last but one: 2 - 4 = -2 and 1 - 4 = -3, in five bits 30 and 29.
    odd = dict(size=[3, 4], counts='144' + chr(48 + 30) + chr(48 + 29))
    assert instance_mask(odd, (3, 4)).T.ravel().tolist() == [False] + [True] * 4 + [False] * 4 + [True] * 2 + [False]
    with pytest.raises(DataError, match='with 12 pixels'):
        instance_mask(plain, (4, 4))


def test_boxes_of_videos_have_their_corners_between_pixels(tmp_path):
    source = videos(tmp_path / 'in', names=('bear',), frames=2)
    write_boxes(source, tmp_path / 'boxes.csv')
    rows = list(csv.DictReader((tmp_path / 'boxes.csv').read_text().splitlines()))
    assert len(rows) == 4
    assert list(rows[2].values()) == ['bear', '00001', '1', '8', '6', '20', '18', '32', '24']
    assert [rows[3][key] for key in ('object', 'x0', 'y0', 'x1', 'y1')] == ['2', '3', '20', '9', '23']


def test_boxes_of_images_as_coco_say_x_y_width_height(tmp_path):
    source = images(tmp_path / 'in', ('a', 'b'))
    save(source / 'mask/b.png', np.zeros(SIZE, np.uint8))
    summary = write_boxes(source, tmp_path / 'boxes.json')
    content = json.loads((tmp_path / 'boxes.json').read_text())
    assert [entry['file_name'] for entry in content['images']] == ['a.jpg', 'b.jpg']
    (box,) = content['annotations']
    assert (box['image_id'], box['bbox'], box['area']) == (1, [8, 6, 12, 12], 144)
    assert summary.notes == {'annotations without object': ['b']}


def test_scribbles_are_put_beside_a_duts_that_is_there(tmp_path):
    root = tmp_path / 'in' / 'DUTS' / 'DUTS-TR'
    for number, name in enumerate(('a', 'b')):
        save(root / 'DUTS-TR-Image' / f'{name}.jpg', draw_image(number))
        save(root / 'DUTS-TR-Mask' / f'{name}.png', mask())
    for name in ('a', 'stray'):
        save(tmp_path / 's/DUT-train_gt' / f'{name}.png', scribble())
    with pytest.raises(DataError, match='first salseg convert DUTS'):
        add_scribbles(tmp_path / 's', tmp_path / 'out')
    convert_duts(tmp_path / 'in', tmp_path / 'out')
    summary = add_scribbles(tmp_path / 's', tmp_path / 'out')
    assert summary.counts == {'scribbles': 1}
    assert summary.warnings['images without scribble, left out'] == ['b']
    assert summary.warnings['scribbles without image, left out'] == ['stray']
    assert (tmp_path / 'out/train.txt').read_text() == 'a\n'
    sound(tmp_path / 'out', 'scribble')
    convert_duts(tmp_path / 'in', tmp_path / 'out')
    assert (tmp_path / 'out/train.txt').read_text() == 'a\nb\n'


def test_options_of_drawn_scribbles_need_draw(tmp_path):
    with pytest.raises(DataError, match='--seed is of scribbles that are drawn from masks: add --draw'):
        convert_scribbles(scribble_folders(tmp_path / 'in'), tmp_path / 'out', seed=3)
    assert not (tmp_path / 'out').exists()


def exported(root, files, categories=((1, 'cat'),), **changes):
    """An export of an annotation tool, one square of 40 x 40 pixels in each image."""
    square = [20, 10, 60, 10, 60, 50, 20, 50]
    annotations = [
        dict(image_id=number, category_id=categories[number % len(categories)][0], segmentation=[square], **changes)
        for number, _ in enumerate(files)
    ]
    images = [dict(id=number, file_name=name) for number, name in enumerate(files)]
    for number, name in enumerate(files):
        save(root / 'img' / name.replace('\\', '/'), draw_image(number, (60, 80)))
    path = root / 'export.json'
    content = dict(images=images, annotations=annotations, categories=[dict(id=i, name=n) for i, n in categories])
    # Some programs put a byte order mark in front.
    path.write_text(json.dumps(content), encoding='utf-8-sig')
    return root / 'img', path


def test_an_export_without_areas_and_with_equal_names_in_sub_folders_loses_nothing(tmp_path):
    names = ['one/frame.png', 'two\\frame.png', 'one_frame.png']
    source, file = exported(tmp_path, names)
    summary = coco_groups(source, tmp_path / 'out', annotations=file, min_area=1000)
    assert summary.counts == {'groups': 1, 'images': 3}
    stems = {'one_frame': 0, 'two_frame': 1, 'one_frame-2': 2}
    assert {path.stem for path in (tmp_path / 'out/img/cat').iterdir()} == set(stems)
    for stem, number in stems.items():
        np.testing.assert_array_equal(values(tmp_path / f'out/img/cat/{stem}.png'), draw_image(number, (60, 80)))
        assert int((values(tmp_path / f'out/gt/cat/{stem}.png') > 0).sum()) == 1600


@pytest.mark.parametrize('name', ['../../../hostile', '/tmp/hostile', 'animal/cat', '..', '.hidden'])
def test_a_category_stays_below_the_folder_that_is_written(tmp_path, name):
    source, file = exported(tmp_path / 'a/b/c', ['x.png', 'y.png'], ((7, name),))
    out = tmp_path / 'a/b/d/e'
    before = state(tmp_path)
    if name == '..':
        with pytest.raises(DataError, match="'..' makes no name"):
            coco_groups(source, out, annotations=file, min_area=1000)
        assert state(tmp_path) == before
        return
    coco_groups(source, out, annotations=file, min_area=1000)
    new = set(state(tmp_path)) - set(before)
    assert len(new) == 4
    assert all(
        path.relative_to(out).parts[0] in ('img', 'gt') and len(path.relative_to(out).parts) == 3 for path in new
    )
    sound(out, 'cosod')


def test_two_categories_whose_names_become_one_stay_apart(tmp_path):
    categories = ((1, 'a/b'), (2, 'a_b'))
    source, file = exported(tmp_path, ['1.png', '2.png', '3.png', '4.png'], categories)
    coco_groups(source, tmp_path / 'out', annotations=file, min_area=1000)
    found = {path.name: {p.stem for p in path.iterdir()} for path in (tmp_path / 'out/img').iterdir()}
    assert found == {'a_b': {'1', '3'}, 'a_b-2': {'2', '4'}}


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(iscrowd=1), '2 are crowds'),
        (dict(area=10), '2 are not larger than 1000 pixels'),
        (dict(segmentation=[]), '2 have no mask'),
    ],
)
def test_why_no_group_is_left_is_said(tmp_path, changes, reason):
    source, file = exported(tmp_path, ['x.png', 'y.png'])
    content = json.loads(file.read_text(encoding='utf-8-sig'))
    for entry in content['annotations']:
        entry.update(changes)
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=reason):
        coco_groups(source, tmp_path / 'out', annotations=file, min_area=1000)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['../x.png', '/etc/x.png', 'a\\..\\..\\x.png'])
def test_a_file_name_of_an_export_stays_in_the_folder_of_images(tmp_path, name):
    source, file = exported(tmp_path, ['x.png', 'y.png'])
    content = json.loads(file.read_text(encoding='utf-8-sig'))
    content['images'][0]['file_name'] = name
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match='leads out of the folder'):
        coco_groups(source, tmp_path / 'out', annotations=file)


def test_an_annotation_of_another_size_than_its_image_is_refused(tmp_path):
    source, file = exported(tmp_path, ['x.png', 'y.png'])
    content = json.loads(file.read_text(encoding='utf-8-sig'))
    content['images'][1].update(height=80, width=60)
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match='is 80x60 .width x height., its annotations are of 60x80'):
        coco_groups(source, tmp_path / 'out', annotations=file, min_area=1000)


def test_names_become_parts_of_paths_that_lead_nowhere_else():
    assert safe_name('alarm clock') == 'alarm clock'
    assert safe_name('n01_1.b & c%') == 'n01_1.b & c%'
    assert safe_name('../a\\b\n') == '_a_b_'
    assert safe_names({1: 'A', 2: 'a', 3: 'b', 4: 'a'}) == {1: 'A', 2: 'a-2', 3: 'b', 4: 'a-3'}
    for name in ('', '..', '...', ' ', 'x' * 300):
        with pytest.raises(DataError, match='makes no name'):
            safe_name(name)


def test_a_list_that_leads_out_of_the_source_is_refused(tmp_path):
    source = videos(tmp_path / 'in')
    (tmp_path / 'val.txt').write_text('../../x\n')
    with pytest.raises(DataError, match=r"'../../x' is no name of a folder"):
        convert_videos(source, tmp_path / 'out', lists=[tmp_path / 'val.txt'])
    check_names(['select_0616_1', 'a b'], source)


def test_two_lists_of_one_name_are_refused(tmp_path):
    source = videos(tmp_path / 'in')
    for year, name in ((2016, 'cow'), (2017, 'bear')):
        (tmp_path / str(year)).mkdir()
        (tmp_path / str(year) / 'val.txt').write_text(f'{name}\n')
    with pytest.raises(DataError, match='two have the same name'):
        convert_videos(source, tmp_path / 'out', lists=[tmp_path / '2016/val.txt', tmp_path / '2017/val.txt'])
    assert not (tmp_path / 'out').exists()


def test_a_link_whose_source_is_gone_is_made_again(tmp_path):
    first, target = save(tmp_path / 'a/x.png', mask()), tmp_path / 'out/x.png'
    take(first, target, 'symlink')
    moved = first.rename(tmp_path / 'x.png')
    assert not target.exists()
    take(moved, target, 'symlink')
    assert target.samefile(moved)


def test_a_folder_around_the_release_is_no_hindrance_and_two_are_named(tmp_path):
    (tmp_path / 'a/JPEGImages').mkdir(parents=True)
    assert unwrapped(tmp_path, ('jpegimages',)) == unwrapped(tmp_path / 'a', ('JPEGImages',)) == tmp_path / 'a'
    (tmp_path / 'b').mkdir()
    with pytest.raises(DataError, match='holds none of JPEGImages; found a, b'):
        unwrapped(tmp_path, ('JPEGImages',))


def test_the_table_stands_beside_the_published_counts(tmp_path):
    summary = Summary(tmp_path, {'videos': 2, 'frames': 1376})
    text = summary.text({'videos': (20, 30), 'frames': (1376, 2079)})
    assert '| videos  | 2      | 20 or 30       |' in text
    assert text.count('warning') == 1
    assert 'warning: 2 videos, published 20 or 30; is the copy complete?' in text
    assert f'salseg check-data {tmp_path}' in text


def test_every_converter_has_its_function_and_the_counts_that_check_data_knows():
    import inspect
    from importlib import import_module

    from salseg.datasets.checking.published import find_set

    for converter in CONVERTERS.values():
        module, _, name = converter.function.partition(':')
        function = getattr(import_module(f'salseg.apis.converting.{module}'), name)
        parameters = set(inspect.signature(function).parameters)
        own = {option.name for option in converter.options} | set(converter.fixed)
        assert own <= parameters, converter.name
        assert bool(converter.how) == ('how' in parameters), converter.name
        known = find_set(converter.name)
        if known is None:
            continue
        keys = dict(groups='groups', videos='groups', images='images', frames='images', scribbles='annotated')
        keys['pairs'] = 'annotated'
        keys |= {'train videos': 'groups', 'valid videos': 'groups', 'annotations': 'annotated'}
        for kind, numbers in converter.published.items():
            allowed = {counts[keys[kind]] for counts in known.versions.values() if keys[kind] in counts}
            if not allowed:
                continue
            # VOS' ids that RCRNet lists: train 119 + test 40, with val 199.
            extra = {159, 199} if converter.name == 'VOS' else {50} if converter.name == 'DAVIS-2016' else set()
            assert set(numbers) <= allowed | extra, (converter.name, kind)
    assert find_converter('cosal2015').name == 'Cosal2015'
