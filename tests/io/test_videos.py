"""Videos are decoded to their end; what a header announces is nobody's truth."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from salseg.errors import DataError
from salseg.io.videos import FrameSource, find_damage


def frame(number, height=48, width=64):
    """A bar whose place tells the frame's number."""
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[:, 3 * number : 3 * number + 6] = (220, 60, 60)
    return pixels


def number_of(pixels):
    return round(float(np.argmax(np.convolve(pixels[..., 0].mean(0), np.ones(6), 'valid')))) // 3


def encode(path, times=range(8), rate=10, codec='libx264', pixels='yuv420p', size=(48, 64), **options):
    """A file with a frame at each of ``times``, in units of 1 / rate s; 'options' of the container."""
    with av.open(str(path), 'w', options=options) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, rate)
        for number, time in enumerate(times):
            image = av.VideoFrame.from_ndarray(frame(number, *size), format='rgb24')
            image.pts, image.time_base = time, Fraction(1, rate)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def numbers(source):
    return [number_of(pixels) for pixels in source.frames()]


# A burst, then a frame a second, as screen recorders write.
UNEVEN = [0, 1, 2, 3, 4, 45, 75, 105, 135, 180]


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.webm'])
def test_a_whole_file_of_variable_frame_rate_is_read_to_its_end_and_is_not_called_damaged(tmp_path, name):
    codec = 'libvpx-vp9' if name.endswith('webm') else 'libx264'
    source = FrameSource(encode(tmp_path / name, UNEVEN, 30, codec))
    assert numbers(source) == list(range(10))
    assert source.damage == ''


def test_an_announced_number_that_is_too_high_is_no_damage(tmp_path):
    source = FrameSource(encode(tmp_path / 'a.mp4'))
    source.announced = 500
    assert numbers(source) == list(range(8))
    assert source.damage == ''


def test_a_rate_that_is_only_a_clock_is_replaced_by_the_mean(tmp_path):
    path = encode(tmp_path / 'a.webm', [0, 40, 80, 120, 1000, 2000, 3000, 3500, 4000], 1000, 'libvpx-vp9')
    assert FrameSource(path).fps == pytest.approx(8 / 4)


@pytest.mark.parametrize('name', ['a.mp4', 'a.mkv', 'a.avi'])
def test_a_file_that_was_cut_gives_what_it_has_and_says_so(tmp_path, name):
    codec = 'mpeg4' if name.endswith('avi') else 'libx264'
    options = {'movflags': '+faststart'} if name.endswith('mp4') else {}
    path = encode(tmp_path / name, range(60), 10, codec, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 8 // 10])
    source = FrameSource(path)
    found = len(list(source.frames()))
    assert 0 < found < 60
    assert source.damage.startswith(f'{path} is cut off or damaged: ')
    assert f'The {found} frames that can be decoded are used' in source.damage


def test_reading_from_a_later_frame_gives_the_rest(tmp_path):
    source = FrameSource(encode(tmp_path / 'a.mp4', UNEVEN, 30))
    assert [number_of(pixels) for pixels in source.frames(6)] == [6, 7, 8, 9]
    assert list(source.frames(10)) == []
    assert source.damage == ''
    assert find_damage(tmp_path / 'a.mp4', 10) == ''


@pytest.mark.parametrize(
    ('name', 'codec', 'pixels', 'size'),
    [
        ('a.mts', 'libx264', 'yuv420p', (48, 64)),
        ('a.m2ts', 'libx264', 'yuv420p', (48, 64)),
        ('a.ts', 'mpeg2video', 'yuv420p', (48, 64)),
        ('a.3gp', 'mpeg4', 'yuv420p', (48, 64)),
        ('a.flv', 'flv', 'yuv420p', (48, 64)),
        ('a.mpg', 'mpeg2video', 'yuv420p', (48, 64)),
        ('a.wmv', 'wmv2', 'yuv420p', (48, 64)),
        ('a.mov', 'libx264', 'yuv444p', (48, 64)),
        ('odd.mkv', 'ffv1', 'bgr0', (49, 65)),
        ('ten.mp4', 'libx264', 'yuv420p10le', (48, 64)),
        ('alpha.mov', 'prores_ks', 'yuva444p10le', (48, 64)),
        ('tiny.mp4', 'libx264', 'yuv420p', (2, 32)),
    ],
)
def test_all_frames_of_many_formats_are_decoded_at_their_size(tmp_path, name, codec, pixels, size):
    rate = 25 if codec == 'mpeg2video' else 10
    path = encode(tmp_path / name, rate=rate, codec=codec, pixels=pixels, size=size)
    source = FrameSource(path)
    found = list(source.frames())
    assert [pixels.shape for pixels in found] == [(*size, 3)] * 8
    assert [number_of(pixels) for pixels in found] == list(range(8))
    assert source.damage == ''


def test_an_animated_gif_is_a_video(tmp_path):
    images = [Image.fromarray(frame(n)) for n in range(5)]
    images[0].save(tmp_path / 'a.gif', save_all=True, append_images=images[1:], duration=100)
    assert numbers(FrameSource(tmp_path / 'a.gif')) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('rate', [1, 1000, 90000])
def test_strange_frame_rates_are_read(tmp_path, rate):
    source = FrameSource(encode(tmp_path / 'a.mp4', rate=rate))
    assert source.fps == pytest.approx(rate)
    assert numbers(source) == list(range(8))


def test_frames_of_a_folder_stand_as_viewers_show_them_in_natural_order(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in (0, 2, 10):
        Image.fromarray(frame(number)).save(tmp_path / f'f{number}.jpg', exif=exif, quality=95)
    source = FrameSource(tmp_path)
    assert source.names == ['f0', 'f2', 'f10']
    found = list(source.frames())
    assert [pixels.shape for pixels in found] == [(64, 48, 3)] * 3
    assert [number_of(np.rot90(pixels)) for pixels in found] == [0, 2, 10]


def test_what_is_no_video_is_named(tmp_path):
    (tmp_path / 'a.mp4').write_text('no video')
    (tmp_path / 'folder').mkdir()
    with pytest.raises(DataError, match=r'a\.mp4 cannot be opened as a video'):
        FrameSource(tmp_path / 'a.mp4')
    with pytest.raises(DataError, match='folder holds no image'):
        FrameSource(tmp_path / 'folder')
    with pytest.raises(DataError, match=r'none\.mp4 does not exist'):
        FrameSource(tmp_path / 'none.mp4')


def test_a_gap_in_the_numbering_of_a_folder_is_refused(tmp_path):
    for number in (0, 1, 2, 5, 6):
        Image.fromarray(frame(0)).save(tmp_path / f'{number:05d}.png')
    with pytest.raises(DataError, match=r'lacks 2 frames in its numbering: 00003, 00004, between 00002 and 00005'):
        FrameSource(tmp_path).check_numbers()
