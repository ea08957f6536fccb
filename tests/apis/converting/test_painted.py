"""Scribbles painted in colours become the codes of scribbles."""

import numpy as np
import pytest
from PIL import Image

from salseg.apis.converting.scribbles import scribble_codes, scribbles_from_paint
from salseg.datasets import SaliencyDataset
from salseg.io.annotations import read_map
from salseg.errors import DataError, LabelError

RED, BLUE = (255, 0, 0), (0, 0, 255)


def scene(seed=0, size=(20, 30)):
    return np.random.default_rng(seed).integers(60, 200, (*size, 3), dtype=np.uint8)


def wanted():
    codes = np.zeros((20, 30), np.uint8)
    codes[3:6, 4:20], codes[15:18, 2:28] = 1, 2
    return codes


def paint(image, codes, colours=(RED, BLUE)):
    painted = image.copy()
    for code, colour in enumerate(colours, 1):
        painted[codes == code] = colour
    return painted


def put(folder, name, image):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / name)
    return folder / name


def test_scribbles_on_a_copy_of_the_image_and_on_a_transparent_layer_are_the_same(tmp_path):
    image = put(tmp_path, 'a.png', scene())
    copy = put(tmp_path / 'p', 'a.png', paint(scene(), wanted()))
    alpha = np.where(wanted()[..., None] > 0, 255, 0).astype(np.uint8)
    layer = put(tmp_path / 'l', 'a.png', np.dstack([paint(np.zeros_like(scene()), wanted()), alpha]))
    colours = np.array(RED, np.int16), np.array(BLUE, np.int16)
    for file in (copy, layer):
        np.testing.assert_array_equal(scribble_codes(file, image, colours), wanted())


def test_soft_edges_and_the_images_own_red_are_no_scribbles(tmp_path):
    own = scene()
    own[8:12, 10:14], own[2] = RED, 150
    painted = paint(own, wanted())
    painted[2, 4:20] = (0.5 * own[2, 4:20] + 0.5 * np.array(RED)).astype(np.uint8)
    image, file = put(tmp_path, 'a.png', own), put(tmp_path / 'p', 'a.png', painted)
    colours = np.array(RED, np.int16), np.array(BLUE, np.int16)
    np.testing.assert_array_equal(scribble_codes(file, image, colours), wanted())


def test_a_folder_becomes_what_training_reads(tmp_path):
    for name in 'abc':
        put(tmp_path / 'in/image', f'{name}.png', scene())
    for name in 'ab':
        put(tmp_path / 'in/painted', f'{name}.png', paint(scene(), wanted(), ((0, 128, 0), (255, 255, 0))))
    summary = scribbles_from_paint(tmp_path / 'in', tmp_path / 'out', 'green', '#ffff00')
    assert 'c.png' in summary.text()
    assert [path.rsplit('/', 1)[1] for path in summary.left['images that nobody painted']] == ['c.png']
    assert (tmp_path / 'out/train.txt').read_text() == 'a\nb\n'
    np.testing.assert_array_equal(read_map(tmp_path / 'out/scribble/b.png'), wanted())
    assert len(SaliencyDataset(str(tmp_path / 'out'), encoding='scribble')) == 2


def test_what_was_painted_otherwise_is_named_and_nothing_is_written(tmp_path):
    put(tmp_path / 'in/image', 'a.png', scene())
    put(tmp_path / 'in/painted', 'a.png', paint(scene(), wanted(), (RED, (0, 200, 0))))
    with pytest.raises(
        LabelError, match=r'no scribble of #0000ff \(background\)\. Painted there: #00c800 on 78 pixels'
    ):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    put(tmp_path / 'in/painted', 'a.png', scene())
    with pytest.raises(LabelError, match='Painted there: nothing'):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out')


def test_files_that_fit_nothing_are_named(tmp_path):
    put(tmp_path / 'in/image', 'a.png', scene())
    put(tmp_path / 'in/painted', 'a.png', paint(scene(), wanted())[:10])
    with pytest.raises(DataError, match=r'painted/a\.png is 30x10 \(width x height\)'):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out')
    put(tmp_path / 'in/painted', 'b.png', scene())
    with pytest.raises(DataError, match=r'b\.png belongs to no image'):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out')
    with pytest.raises(DataError, match="'reddish' is no colour"):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out', 'reddish')
    with pytest.raises(DataError, match='further apart'):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out', 'red', 'orangered')
    for file in (tmp_path / 'in/painted').iterdir():
        file.rename(file.with_suffix('.jpg'))
    with pytest.raises(DataError, match='JPEG blurs colours'):
        scribbles_from_paint(tmp_path / 'in', tmp_path / 'out')
