"""People's own labels: what comes in, what is left out and why."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salseg.apis.converting import find_converter
from salseg.apis.converting.coco import coco_masks
from salseg.apis.converting.labelme import convert_labelme
from salseg.apis.converting.own_masks import convert_masks
from salseg.datasets import SaliencyDataset
from salseg.errors import DataError
from tests.datasets.checking.folders import SIZE, draw_image, images, mask, save, scribble

HEIGHT, WIDTH = SIZE


def read(path):
    return np.asarray(Image.open(path))


def box(x0, y0, x1, y1):
    values = np.zeros(SIZE, np.uint8)
    values[y0:y1, x0:x1] = 255
    return values


def shape(kind, points, label='cat', **more):
    return dict(label=label, shape_type=kind, points=points, **more)


def labelled(root, name, *shapes, image=True, **content):
    """A JSON file of labelme and its image."""
    if image:
        save(root / f'{name}.png', draw_image(len(name)))
    stated = dict(imagePath=f'{name}.png', imageData=None, imageHeight=HEIGHT, imageWidth=WIDTH)
    path = root / f'{name}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**stated, 'shapes': list(shapes), **content}), encoding='utf-8')
    return root


def png(values):
    data = io.BytesIO()
    Image.fromarray(values).save(data, 'PNG')
    return base64.b64encode(data.getvalue()).decode()


RECTANGLE = shape('rectangle', [[8, 6], [20, 18]])


# Labelme


def test_a_polygon_a_rectangle_and_several_shapes_become_one_mask(tmp_path):
    polygon = shape('polygon', [[8, 6], [20, 6], [20, 18], [8, 18]])
    labelled(tmp_path / 'in', 'a', polygon)
    labelled(
        tmp_path / 'in', 'b', shape('rectangle', [[20, 18], [8, 6]]), shape('rectangle', [[24, 2], [28, 4]], 'dog')
    )
    summary = convert_labelme(tmp_path / 'in', tmp_path / 'out')
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), mask())
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/b.png'), box(8, 6, 20, 18) | box(24, 2, 28, 4))
    assert (summary.counts, summary.left) == (dict(objects=3, images=2), {})
    assert len(SaliencyDataset(str(tmp_path / 'out'), list_file='train.txt')) == 2


def test_a_circle_has_the_pixels_whose_centres_lie_in_it(tmp_path):
    labelled(tmp_path / 'in', 'a', shape('circle', [[16, 12], [16, 20]]))
    convert_labelme(tmp_path / 'in', tmp_path / 'out')
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    distance = np.hypot(x - 16, y - 12)
    sure = np.abs(distance - 8) > 0.05
    np.testing.assert_array_equal((read(tmp_path / 'out/mask/a.png') > 0)[sure], (distance < 8)[sure])


def test_a_painted_mask_is_pasted_at_its_place_and_cut_at_the_border(tmp_path):
    painted = np.zeros((12, 12), np.uint8)
    painted[2:, 3:] = 255
    labelled(tmp_path / 'in', 'a', shape('mask', [[5, 4], [17, 16]], mask=png(painted)))
    labelled(tmp_path / 'in', 'b', shape('mask', [[28, -4], [40, 8]], mask=png(painted)))
    convert_labelme(tmp_path / 'in', tmp_path / 'out')
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), box(8, 6, 17, 16))
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/b.png'), box(31, 0, 32, 8))


def test_ids_number_the_objects_and_shapes_of_a_group_are_one(tmp_path):
    parts = [shape('rectangle', [[x, 2], [x + 4, 6]], group_id=7) for x in (0, 20)]
    labelled(tmp_path / 'in', 'a', parts[0], shape('rectangle', [[10, 10], [14, 14]]), parts[1])
    convert_labelme(tmp_path / 'in', tmp_path / 'out', ids=True)
    expected = (box(0, 2, 4, 6) | box(20, 2, 24, 6)) // 255 + box(10, 10, 14, 14) // 255 * 2
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), expected)
    assert Image.open(tmp_path / 'out/mask/a.png').mode == 'P'


def test_only_the_labels_that_are_wanted_are_taken(tmp_path):
    labelled(tmp_path / 'in', 'a', RECTANGLE, shape('rectangle', [[0, 0], [4, 4]], 'sky'))
    labelled(tmp_path / 'in', 'b', shape('rectangle', [[0, 0], [4, 4]], 'sky'))
    summary = convert_labelme(tmp_path / 'in', tmp_path / 'out', labels=['cat'])
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), mask())
    assert summary.left == {'images that cannot be used': [f'{tmp_path}/in/b.json holds no shape with an area of cat']}


def test_an_image_is_found_where_windows_says_elsewhere_and_inside_the_file(tmp_path):
    root = tmp_path / 'in'
    labelled(root / 'labels', 'a', RECTANGLE, image=False, imagePath='..\\photos\\a.png')
    save(root / 'photos/a.png', draw_image(0))
    labelled(root / 'labels', 'b', RECTANGLE, image=False, imagePath='C:\\Users\\me\\b.png')
    save(tmp_path / 'else/b.png', draw_image(1))
    inside = draw_image(2)
    labelled(root / 'labels', 'c', RECTANGLE, image=False, imageData=png(inside))
    summary = convert_labelme(root, tmp_path / 'out', images=tmp_path / 'else')
    assert summary.counts['images'] == 3
    np.testing.assert_array_equal(read(tmp_path / 'out/image/labels_c.png'), inside)
    assert (tmp_path / 'out/train.txt').read_text() == 'labels_a\nlabels_b\nlabels_c\n'


def test_names_in_a_file_never_lead_out_of_the_folders(tmp_path):
    save(tmp_path / 'secret.png', draw_image(0))
    labelled(tmp_path / 'in', 'a', RECTANGLE)
    labelled(tmp_path / 'in', 'b', RECTANGLE, image=False, imagePath='../secret.png')
    labelled(tmp_path / 'in', 'c', RECTANGLE, image=False, imagePath=str(tmp_path / 'secret.png'))
    summary = convert_labelme(tmp_path / 'in', tmp_path / 'out')
    assert sorted(p.name for p in (tmp_path / 'out/image').iterdir()) == ['a.png']
    assert len(summary.left['images that cannot be used']) == 2


def test_what_labelme_cannot_give_is_left_out_with_its_reason(tmp_path):
    root = labelled(
        tmp_path / 'in', 'a', RECTANGLE, shape('line', [[0, 0], [9, 9]]), shape('polygon', [[1, 1], [2, 2]])
    )
    labelled(root, 'b', shape('point', [[4, 4]]))
    labelled(root, 'c', RECTANGLE, imageHeight=HEIGHT + 2)
    labelled(root, 'd', RECTANGLE, image=False)
    labelled(root, 'e', shape('rectangle', [[-9, -9], [-2, -2]]))
    (root / 'classes.json').write_text('["cat"]')
    (root / 'broken.json').write_text('{"shapes": [')
    summary = convert_labelme(root, tmp_path / 'out')
    assert summary.left['shapes without an area'] == ['a.json: cat, line', 'b.json: cat, point']
    assert len(summary.left['shapes that cannot be read']) == 1
    text = '\n'.join(summary.left['images that cannot be used'])
    for words in (
        'b.json holds no shape',
        'labelled at 32x26',
        'is not there',
        'cover no pixel',
        'no list "shapes"',
        'no JSON',
    ):
        assert words in text
    assert (tmp_path / 'out/train.txt').read_text() == 'a\n'


def test_a_byte_order_mark_is_no_obstacle_and_a_folder_without_labels_is_an_error(tmp_path):
    path = labelled(tmp_path / 'in', 'a', RECTANGLE) / 'a.json'
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert convert_labelme(tmp_path / 'in', tmp_path / 'out').counts['images'] == 1
    labelled(tmp_path / 'none', 'a')
    with pytest.raises(DataError, match='of 1 images none has a label that can be used'):
        convert_labelme(tmp_path / 'none', tmp_path / 'other')


def test_what_was_drawn_on_a_turned_photo_fits_it_as_it_is_stored(tmp_path):
    stored = draw_image(3, (WIDTH, HEIGHT))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / 'in').mkdir()
    Image.fromarray(stored).save(tmp_path / 'in/a.jpg', exif=exif)
    labelled(tmp_path / 'in', 'a', RECTANGLE, image=False, imagePath='a.jpg')
    convert_labelme(tmp_path / 'in', tmp_path / 'out')
    # A viewer turns the stored mask by the same quarter and sees what was drawn.
    np.testing.assert_array_equal(np.rot90(read(tmp_path / 'out/mask/a.png'), -1), mask())


# COCO


def square(x0, y0, x1, y1):
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def runs(values):
    flat = (values.T.ravel() > 0).astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *edges, flat.size]).tolist()
    return dict(size=list(values.shape), counts=([0] if flat[0] else []) + counts)


def coco(root, *annotations, files=('a.png',), categories=('cat', 'dog'), mark=b''):
    for number, name in enumerate(files):
        save(root / name, draw_image(number))
    content = dict(
        images=[dict(id=n, file_name=name, height=HEIGHT, width=WIDTH) for n, name in enumerate(files)],
        annotations=[dict(dict(id=n, image_id=0, category_id=0), **own) for n, own in enumerate(annotations)],
        categories=[dict(id=n, name=name) for n, name in enumerate(categories)],
    )
    (root / 'export.json').write_bytes(mark + json.dumps(content).encode())
    return root


def test_polygons_and_runs_of_ids_from_0_become_one_mask_also_behind_a_byte_order_mark(tmp_path):
    root = coco(
        tmp_path / 'in',
        dict(segmentation=[square(8, 6, 12, 18), square(14, 6, 20, 18)]),
        dict(segmentation=runs(box(0, 0, 4, 2)), iscrowd=1),
        dict(segmentation=[square(24, 2, 28, 4)], category_id=1),
        mark=b'\xef\xbb\xbf',
    )
    summary = coco_masks(root, tmp_path / 'out')
    parts = [box(8, 6, 12, 18), box(14, 6, 20, 18), box(0, 0, 4, 2), box(24, 2, 28, 4)]
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), np.bitwise_or.reduce(parts))
    assert summary.counts == dict(objects=3, images=1)
    assert summary.notes == {'masks that are marked as crowds, taken': ['cat in a.png']}
    assert summary.left == {}


def test_compressed_runs_have_the_pixels_that_they_encode(tmp_path):
    # 2 columns of 24 rows: 3 off, 5 on, 40 off; three small numbers are one character each: '0' + value, 40 takes two.
    image = np.zeros((24, 2), np.uint8)
    image[3:8, 0] = 255
    root = coco(tmp_path / 'in', dict(segmentation=dict(size=[24, 2], counts='35X1')))
    content = json.loads((root / 'export.json').read_text())
    content['images'][0].update(width=2)
    (root / 'export.json').write_text(json.dumps(content))
    save(root / 'a.png', draw_image(0, (24, 2)))
    coco_masks(root, tmp_path / 'out')
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), image)


def test_several_objects_of_a_category_can_keep_their_numbers(tmp_path):
    root = coco(tmp_path / 'in', *(dict(segmentation=[square(x, 2, x + 4, 6)]) for x in (0, 10, 20)))
    coco_masks(root, tmp_path / 'out', ids=True)
    expected = sum(box(x, 2, x + 4, 6) // 255 * number for number, x in enumerate((0, 10, 20), 1))
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), expected)


def test_boxes_alone_and_images_without_objects_are_left_out_with_their_reason(tmp_path):
    root = coco(
        tmp_path / 'in',
        dict(segmentation=[square(8, 6, 20, 18)]),
        dict(segmentation=[], bbox=[1, 1, 5, 5]),
        dict(image_id=2, segmentation=[[1, 1, 2]]),
        files=('x/a.png', 'x/b.png', 'x/c.png'),
    )
    summary = coco_masks(root, tmp_path / 'out')
    assert summary.left['objects without a mask, as boxes alone'] == ['cat in x/a.png']
    first, second = summary.left['images that cannot be used']
    assert first == 'x/b.png: it has no mask'
    assert 'a polygon has 3 numbers' in second
    assert (tmp_path / 'out/train.txt').read_text() == 'x_a\n'


def test_a_category_is_chosen_by_name_and_a_wrong_one_is_refused(tmp_path):
    objects = [dict(segmentation=[square(8, 6, 20, 18)]), dict(segmentation=[square(0, 0, 4, 4)], category_id=1)]
    root = coco(tmp_path / 'in', *objects)
    coco_masks(root, tmp_path / 'out', categories=['cat'])
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/a.png'), mask())
    with pytest.raises(DataError, match="has no category 'cow'; it has cat, dog"):
        coco_masks(root, tmp_path / 'other', categories=['cow'])
    (root / 'second.json').write_text('{}')
    with pytest.raises(DataError, match='several JSON files: export.json, second.json. Name the one: --annotations'):
        coco_masks(root, tmp_path / 'other')


@pytest.mark.parametrize('name', ['../out.png', '/etc/a.png', '..\\out.png'])
def test_a_file_name_that_leads_out_is_refused(name, tmp_path):
    root = coco(tmp_path / 'in', dict(segmentation=[square(8, 6, 20, 18)]))
    text = (root / 'export.json').read_text().replace('a.png', name.replace('\\', '\\\\'))
    (root / 'export.json').write_text(text)
    with pytest.raises(DataError, match='leads out of the folder'):
        coco_masks(root, tmp_path / 'out')


# Folders of masks


def test_masks_are_found_in_folders_of_any_name_and_depth(tmp_path):
    root = tmp_path / 'in'
    for number, name in enumerate(('day/1', 'day/2', 'night/1')):
        save(root / f'photos/{name}.JPG', draw_image(number))
        save(root / f'truth/{name}_mask.png', mask(value=1))
    summary = convert_masks(root, tmp_path / 'out', images=Path('photos'), masks=Path('truth'), ending='_mask')
    assert (summary.counts, summary.left) == (dict(images=3), {})
    np.testing.assert_array_equal(read(tmp_path / 'out/mask/night_1.png'), mask())
    assert (tmp_path / 'out/image/day_2.jpg').is_file()


def test_masks_beside_their_images_are_told_apart(tmp_path):
    for name in 'ab':
        save(tmp_path / f'twins/{name}.jpg', draw_image(0))
        save(tmp_path / f'twins/{name}.png', mask())
        save(tmp_path / f'called/{name}.png', draw_image(0))
        save(tmp_path / f'called/{name}-gt.png', mask())
    for source, ending in (('twins', ''), ('called', '-gt')):
        summary = convert_masks(tmp_path / source, tmp_path / f'out-{source}', ending=ending)
        assert (summary.counts, summary.left) == (dict(images=2), {})
        np.testing.assert_array_equal(read(tmp_path / f'out-{source}/mask/a.png'), mask())


@pytest.mark.parametrize(
    ('encoding', 'values', 'target', 'expected'),
    [
        ('binary', mask(value=1), 'mask', mask()),
        ('union', np.maximum(mask(value=3), box(0, 0, 4, 2) // 255), 'mask', mask() | box(0, 0, 4, 2)),
        ('index', mask(value=7), 'mask', mask(value=7)),
        ('soft', mask(value=120), 'mask', mask(value=120)),
        ('scribble', scribble(), 'scribble', scribble()),
    ],
)
def test_every_encoding_is_written_as_training_reads_it(encoding, values, target, expected, tmp_path):
    save(tmp_path / 'in/image/a.png', draw_image(0))
    save(tmp_path / f'in/{target}/a.png', values)
    convert_masks(tmp_path / 'in', tmp_path / 'out', encoding=encoding)
    np.testing.assert_array_equal(read(tmp_path / f'out/{target}/a.png'), expected)


def test_masks_that_do_not_fit_are_left_out_and_counted(tmp_path):
    root = images(tmp_path / 'in', names=('a', 'b', 'c', 'd'))
    save(root / 'mask/b.png', mask(size=(9, 9)))
    save(root / 'mask/c.png', mask(value=3), 'P')
    (root / 'mask/d.png').unlink()
    save(root / 'mask/z.png', mask())
    summary = convert_masks(root, tmp_path / 'out')
    first, second = summary.left['masks that cannot be used']
    assert 'is 9x9 (width x height)' in first
    assert "encoding='index'" in second
    assert summary.left['images without mask'] == [f'{root}/image/d.jpg']
    assert summary.left['masks without image'] == [f'{root}/mask/z.png']
    assert (tmp_path / 'out/train.txt').read_text() == 'a\n'
    assert not (tmp_path / 'out/image/b.jpg').exists()


def test_own_labels_go_to_one_folder(tmp_path):
    for name in ('labelme', 'coco', 'masks', 'painted'):
        assert find_converter(name).out(tmp_path) == tmp_path / 'own'
