import cv2
import numpy as np
import pytest
from PIL import Image

from salseg.io.annotations import read_annotation
from salseg.io.images import image_size, read_image
from salseg.errors import DataError, LabelError


def draw_image(seed=0, shape=(24, 32, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_an_image_comes_back_in_rgb_order(tmp_path):
    Image.fromarray(draw_image()).save(tmp_path / 'a.png')
    assert np.array_equal(read_image(tmp_path / 'a.png'), draw_image())


def test_a_grey_jpeg_has_three_equal_channels(tmp_path):
    Image.fromarray(draw_image(shape=(24, 32))).save(tmp_path / 'grey.jpg')
    image = read_image(tmp_path / 'grey.jpg')
    assert image.shape == (24, 32, 3)
    assert (image[..., 0] == image[..., 2]).all()


def test_the_orientation_tag_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(draw_image()).save(tmp_path / 'turned.jpg', exif=exif)
    assert read_image(tmp_path / 'turned.jpg').shape == (24, 32, 3)


def test_a_missing_image_is_named_with_what_is_there(tmp_path):
    (tmp_path / 'other.jpg').touch()
    with pytest.raises(DataError, match=r'none.jpg does not exist; .* holds other.jpg'):
        read_image(tmp_path / 'none.jpg')
    with pytest.raises(DataError, match=r'folder does not exist'):
        read_image(tmp_path / 'folder' / 'none.jpg')


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_a_truncated_image_is_refused_though_opencv_would_fill_it_with_grey(tmp_path, suffix):
    whole, cut = tmp_path / f'whole{suffix}', tmp_path / f'cut{suffix}'
    cv2.imwrite(str(whole), draw_image(shape=(64, 64, 3)))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(DataError, match=r'cut\.\w+ is broken'):
        read_image(cut)


def test_a_text_file_is_no_image(tmp_path):
    (tmp_path / 'a.jpg').write_text('hello')
    with pytest.raises(DataError, match='no image that can be read'):
        read_image(tmp_path / 'a.jpg')


def test_trailing_bytes_after_a_whole_jpeg_are_harmless(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), draw_image())
    with open(tmp_path / 'a.jpg', 'ab') as file:
        file.write(b'\0\0trailer')
    assert read_image(tmp_path / 'a.jpg').shape == (24, 32, 3)


def test_palette_masks_keep_their_indices(tmp_path):
    labels = np.zeros((4, 6), np.uint8)
    labels[1:3, 2:5] = 3
    image = Image.fromarray(labels, mode='P')
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(tmp_path / 'p.png')
    assert np.array_equal(read_annotation(tmp_path / 'p.png', 'index'), labels)


def test_binary_masks_may_be_written_as_one_or_as_255(tmp_path):
    mask = np.array([[0, 1], [1, 0]], np.uint8)
    for name, values in (('one.png', mask), ('full.png', mask * 255)):
        Image.fromarray(values).save(tmp_path / name)
        assert np.array_equal(read_annotation(tmp_path / name, 'binary'), mask)
    Image.fromarray(mask.astype(bool)).save(tmp_path / 'bit.png')
    assert np.array_equal(read_annotation(tmp_path / 'bit.png', 'binary'), mask)


def test_grey_edges_are_cut_at_half_of_full_scale_and_kept_as_soft_labels(tmp_path):
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / 'g.png')
    assert read_annotation(tmp_path / 'g.png', 'binary').tolist() == [[0, 0, 1, 1]]
    np.testing.assert_allclose(read_annotation(tmp_path / 'g.png', 'soft'), [[0, 127 / 255, 128 / 255, 1]])


def test_scribble_codes_become_labels(tmp_path):
    Image.fromarray(np.array([[0, 1, 2]], np.uint8)).save(tmp_path / 's.png')
    assert read_annotation(tmp_path / 's.png', 'scribble').tolist() == [[255, 1, 0]]


def test_a_scribble_of_code_seven_is_refused_with_the_codes_found(tmp_path):
    Image.fromarray(np.array([[0, 1, 2, 7]], np.uint8)).save(tmp_path / 's.png')
    with pytest.raises(
        LabelError, match=r"codes 0, 1, 2, 7; a scribble has 0 unknown, 1 object, 2 background(.|\n)*'index'"
    ):
        read_annotation(tmp_path / 's.png', 'scribble')


def test_an_rgb_scribble_is_refused_and_one_with_equal_channels_is_read(tmp_path):
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[0, 0] = (255, 0, 0)
    Image.fromarray(colour).save(tmp_path / 'c.png')
    with pytest.raises(LabelError, match=r'c.png is a colour image \(4, 4, 3\)(.|\n)*palette PNG'):
        read_annotation(tmp_path / 'c.png', 'scribble')
    Image.fromarray(np.repeat(np.array([[[1], [2]]], np.uint8), 3, axis=2)).save(tmp_path / 'e.png')
    assert read_annotation(tmp_path / 'e.png', 'scribble').tolist() == [[1, 0]]


def test_an_unknown_encoding_is_refused(tmp_path):
    with pytest.raises(DataError, match='expected one of binary, soft, index, union, scribble'):
        read_annotation(tmp_path / 'x.png', 'rgb')


def test_the_size_is_read_without_decoding(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.jpg'), draw_image())
    cut = (tmp_path / 'a.jpg').read_bytes()[:400]
    (tmp_path / 'b.jpg').write_bytes(cut)
    assert image_size(tmp_path / 'a.jpg') == (24, 32)
