"""What people call an image: every mode, every orientation, transparency, and files made to do harm."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps, features

from salseg.errors import DataError
from salseg.io import images
from salseg.io.formats import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_image, is_video, left_out_words
from salseg.io.images import (
    fit_orientation,
    image_size,
    read_image,
    read_orientation,
    read_visible,
    turn,
    turn_back,
)


def noise(shape=(24, 32, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(height=24, width=32):
    """Colours that survive a JPEG."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([x * 255 // width, y * 255 // height, (x + y) * 2]).astype(np.uint8)


def tagged(path, pixels, orientation, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return path


def png_head(path, width, height):
    """A PNG that states a size and holds next to nothing."""

    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + head + chunk(b'IDAT', zlib.compress(bytes(64))) + chunk(b'IEND', b''))
    return path


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif', '.tiff', '.ppm'])
def test_lossless_files_come_back_in_rgb_order(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    Image.fromarray(noise()).save(path)
    assert np.array_equal(read_image(path), noise())
    assert image_size(path) == (24, 32)


@pytest.mark.parametrize('name', ['a.jpg', 'a.jfif', 'a.webp', 'a.JPEG', 'a.jp2', 'a.avif', 'a.gif'])
def test_lossy_files_are_nearly_what_was_saved(tmp_path, name):
    if name.endswith('avif') and not features.check('avif'):
        pytest.skip('this Pillow has no AVIF')
    Image.fromarray(smooth()).save(tmp_path / name, {'a.jfif': 'JPEG'}.get(name), quality=95)
    assert np.abs(read_image(tmp_path / name).astype(int) - smooth()).mean() < 8
    assert is_image(tmp_path / name)


@pytest.mark.parametrize('mode', ['L', 'LA', '1', 'P', 'RGBA', 'CMYK'])
def test_all_modes_have_the_colours_that_pillow_shows(tmp_path, mode):
    path = tmp_path / ('a.jpg' if mode == 'CMYK' else 'a.png')
    Image.fromarray(smooth()).convert(mode).save(path)
    with Image.open(path) as image:
        expected = np.asarray(image.convert('RGB')).astype(int)
    assert np.abs(read_image(path) - expected).max() <= 1


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('shape', [(6, 7), (6, 7, 3)])
def test_sixteen_bits_become_the_upper_eight(tmp_path, suffix, shape):
    values = np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f'a{suffix}'), values[..., ::-1] if len(shape) == 3 else values)
    expected = values >> 8 if len(shape) == 3 else np.repeat(values[..., None] >> 8, 3, 2)
    assert np.abs(read_image(tmp_path / f'a{suffix}').astype(int) - expected).max() <= 1


def test_floating_point_is_no_image_and_says_so(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tif'), np.ones((4, 4), np.float32))
    with pytest.raises(DataError, match=r'a\.tif holds numbers of 32 bits'):
        read_image(tmp_path / 'a.tif')


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_an_oriented_image_stands_as_a_viewer_shows_it_and_raw_as_it_is_stored(tmp_path, suffix, orientation):
    options = {'.jpg': dict(quality=95), '.webp': dict(lossless=True)}.get(suffix, {})
    path = tagged(tmp_path / f'a{suffix}', smooth(), orientation, **options)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
        stored = np.asarray(image.convert('RGB'))
    assert np.abs(read_image(path, orient=True).astype(int) - shown).max() <= 2
    assert np.abs(read_image(path).astype(int) - stored).max() <= 2
    assert np.abs(read_visible(path)[0].astype(int) - shown).max() <= 2
    assert image_size(path, orient=True) == shown.shape[:2]
    assert image_size(path) == (24, 32)
    assert read_orientation(path) == orientation


@pytest.mark.parametrize('orientation', range(1, 9))
def test_turning_back_undoes_turning(orientation):
    assert np.array_equal(turn_back(turn(noise(), orientation), orientation), noise())
    assert np.array_equal(turn(turn_back(noise((5, 7)), orientation), orientation), noise((5, 7)))


def test_a_pair_that_fits_in_one_orientation_only_is_found_and_any_other_stays_as_stored(tmp_path):
    path = tagged(tmp_path / 'a.jpg', smooth(24, 32), 6)
    assert fit_orientation(path, (32, 24))
    assert not fit_orientation(path, (24, 32))
    assert not fit_orientation(path, (10, 10))
    assert not fit_orientation(tagged(tmp_path / 'square.jpg', smooth(24, 24), 6), (24, 24))
    plain = tmp_path / 'plain.png'
    Image.fromarray(noise()).save(plain)
    assert not fit_orientation(plain, (32, 24))


def test_hidden_colours_are_grey_and_transparency_is_kept(tmp_path):
    alpha = np.zeros((24, 32), np.uint8)
    alpha[:12] = 255
    alpha[12] = 51
    Image.fromarray(np.dstack([noise(), alpha])).save(tmp_path / 'a.png')
    shown, opacity = read_visible(tmp_path / 'a.png')
    assert np.array_equal(opacity, alpha)
    assert np.array_equal(shown[:12], noise()[:12])
    assert (shown[13:] == 128).all()
    assert np.abs(shown[12] - (0.2 * noise()[12] + 0.8 * 128)).max() <= 0.5
    # Without alpha asked for, the colours are those of the file.
    assert np.array_equal(read_image(tmp_path / 'a.png'), noise())


def test_an_opaque_alpha_channel_and_a_photo_have_no_transparency(tmp_path):
    Image.fromarray(np.dstack([noise(), np.full((24, 32), 255, np.uint8)])).save(tmp_path / 'a.png')
    Image.fromarray(noise()).save(tmp_path / 'b.png')
    for name in 'ab':
        pixels, alpha = read_visible(tmp_path / f'{name}.png')
        assert alpha is None
        assert np.array_equal(pixels, noise())


def test_a_transparent_palette_entry_counts(tmp_path):
    image = Image.fromarray(smooth()).convert('P', palette=Image.Palette.ADAPTIVE, colors=8)
    image.save(tmp_path / 'a.png', transparency=3)
    assert np.array_equal(read_visible(tmp_path / 'a.png')[1] == 0, np.asarray(image) == 3)


def test_a_png_of_few_bytes_that_states_a_huge_size_is_refused_before_decoding(tmp_path):
    path = png_head(tmp_path / 'bomb.png', 60000, 60000)
    for read in (read_image, read_visible, image_size):
        with pytest.raises(DataError, match=r'bomb\.png has 60000x60000 pixels, 3600 millions; at most 268'):
            read(path)


def test_the_limit_is_above_pillows_own_and_can_be_set(tmp_path, monkeypatch):
    big = png_head(tmp_path / 'scan.png', 13800, 13800)
    before = Image.MAX_IMAGE_PIXELS
    assert image_size(big) == (13800, 13800)
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.raises(DataError, match=r'has 13800x13800 pixels, 190 millions; at most 0 are read'):
        image_size(big, max_pixels=1000)
    monkeypatch.setenv('SALSEG_MAX_PIXELS', '700')
    Image.fromarray(noise()).save(tmp_path / 'a.png')
    with pytest.raises(DataError, match='SALSEG_MAX_PIXELS'):
        read_image(tmp_path / 'a.png')
    monkeypatch.setenv('SALSEG_MAX_PIXELS', 'many')
    with pytest.raises(DataError, match="SALSEG_MAX_PIXELS is 'many'; expected a number"):
        read_image(tmp_path / 'a.png')


def test_a_bitmap_that_states_more_than_it_holds_is_broken(tmp_path):
    path = tmp_path / 'a.bmp'
    Image.fromarray(noise()).save(path)
    data = bytearray(path.read_bytes())
    data[18:26] = struct.pack('<ii', 9000, 9000)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r'a\.bmp is broken'):
        read_image(path)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp', '.tif', '.bmp', '.gif'])
def test_half_a_file_is_refused(tmp_path, suffix):
    whole, cut = tmp_path / f'whole{suffix}', tmp_path / f'cut{suffix}'
    Image.fromarray(noise((64, 64, 3))).save(whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(DataError, match=r'cut\.\w+ (is broken|is no image|cannot be decoded)'):
        read_image(cut)


@pytest.mark.filterwarnings('ignore::UserWarning:PIL')
def test_no_kind_of_garbage_raises_anything_but_our_error(tmp_path):
    rng = np.random.default_rng(5)
    for suffix in ('.jpg', '.png', '.webp', '.tif', '.bmp', '.gif'):
        whole = tmp_path / f'whole{suffix}'
        Image.fromarray(smooth(48, 48)).save(whole)
        data = np.frombuffer(whole.read_bytes(), np.uint8)
        for trial in range(25):
            hurt = data.copy()
            hurt[rng.integers(0, min(len(hurt), 400), 6)] = rng.integers(0, 256, 6)
            path = tmp_path / f'{trial}{suffix}'
            path.write_bytes(hurt.tobytes())
            try:
                found = read_visible(path, max_pixels=10**6)[0]
            except DataError as error:
                assert path.name in str(error)  # noqa: PT017
            else:
                assert found.ndim == 3


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='no pipes here')
def test_pipes_and_devices_are_refused_without_waiting_for_them(tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'endless.png').symlink_to('/dev/zero')
    for name in ('pipe.png', 'endless.png'):
        with pytest.raises(DataError, match=name):
            read_image(tmp_path / name)
        with pytest.raises(DataError, match=name):
            image_size(tmp_path / name)


def test_heic_that_no_library_reads_is_called_by_its_name_whatever_its_suffix(tmp_path, monkeypatch):
    monkeypatch.setattr(images, 'has_heif', lambda: False)
    (tmp_path / 'wrong.jpg').write_bytes(b'\0\0\0\x18ftypheic' + bytes(200))
    with pytest.raises(DataError, match=r'wrong\.jpg is no image .* HEIC, .* install pillow-heif, or convert'):
        read_image(tmp_path / 'wrong.jpg')


def test_a_gif_is_a_video_if_it_moves(tmp_path):
    still, moving = tmp_path / 'still.gif', tmp_path / 'moving.gif'
    frames = [Image.fromarray(noise(seed=n)) for n in range(3)]
    frames[0].save(still)
    frames[0].save(moving, save_all=True, append_images=frames[1:])
    assert (is_image(still), is_video(still)) == (True, False)
    assert (is_image(moving), is_video(moving)) == (False, True)
    # As an image it is its first frame.
    assert np.array_equal(read_image(moving), np.asarray(Image.open(moving).convert('RGB')))


def test_no_suffix_is_both_an_image_and_a_video():
    assert not set(IMAGE_SUFFIXES) & set(VIDEO_SUFFIXES)
    assert {'.jfif', '.gif', '.webp'} < set(IMAGE_SUFFIXES)
    assert {'.mts', '.m2ts', '.3gp', '.ts', '.flv', '.ogv', '.wmv', '.mpg', '.m4v'} < set(VIDEO_SUFFIXES)


def test_what_is_left_out_is_counted_by_suffix_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr('salseg.io.formats.has_heif', lambda: False)
    paths = [tmp_path / name for name in ('a.HEIC', 'b.heic', 'c.txt', 'd.mp4', 'e.dng')]
    assert left_out_words(paths) == (
        '5 files left out: 1 .dng (raw of a camera, export as JPEG), 2 .heic (install pillow-heif, or convert to JPEG), '
        '1 .mp4 (a video, name it alone), 1 .txt'
    )
    assert left_out_words([]) == ''
