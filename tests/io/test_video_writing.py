"""A written video plays, holds all its frames, and has its name only if that is so."""

import os
import subprocess
import sys

import av
import numpy as np
import pytest

from salseg.errors import DataError
from salseg.io import video_writing
from salseg.io.video_writing import VideoWriter, count_frames
from salseg.io.videos import FrameSource


def frame(number, height=49, width=65):
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[: height // 2, : width // 2] = (200, 60 + number, 60)
    return pixels


def write(path, frames, fps=25.0):
    with VideoWriter(path, fps) as writer:
        for pixels in frames:
            writer.write(pixels)
    return path


def test_an_mp4_is_what_browsers_play(tmp_path):
    path = write(tmp_path / 'a.mp4', [frame(n) for n in range(4)], 30000 / 1001)
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ('h264', 'yuv420p')
        assert float(container.streams.video[0].average_rate) == pytest.approx(30000 / 1001)
    # The index stands before the frames.
    data = path.read_bytes()
    assert 0 < data.index(b'moov') < data.index(b'mdat')


@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.webm'])
@pytest.mark.parametrize('size', [(49, 65), (48, 65), (49, 64), (1, 1), (1, 301), (8, 3)])
def test_odd_sides_are_padded_and_nothing_of_the_frame_is_lost(tmp_path, suffix, size):
    height, width = size
    path = write(tmp_path / f'a{suffix}', [frame(n, height, width) for n in range(3)])
    found = list(FrameSource(path).frames())
    assert [pixels.shape for pixels in found] == [(height + height % 2, width + width % 2, 3)] * 3
    if min(size) > 40:
        assert np.abs(found[0][:height, :width].astype(int) - frame(0, height, width)).mean() < 6
        # The padding repeats the border instead of a black line.
        assert np.abs(found[0][height - 1 :, width - 1 :].astype(int) - 90).max() < 25


def test_mkv_is_lossless_at_any_size(tmp_path):
    frames = [np.random.default_rng(n).integers(0, 256, (49, 65, 3), dtype=np.uint8) for n in range(3)]
    for found, given in zip(FrameSource(write(tmp_path / 'a.mkv', frames)).frames(), frames, strict=True):
        assert np.array_equal(found, given)


@pytest.mark.parametrize('fps', [0.2, 23.976, 120, 1000, 90000])
def test_any_frame_rate_is_written(tmp_path, fps):
    source = FrameSource(write(tmp_path / 'a.mp4', [frame(n) for n in range(5)], fps))
    assert len(list(source.frames())) == 5
    assert source.fps == pytest.approx(fps, rel=1e-3)


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = write(tmp_path / 'a.mp4', [frame(0)])
    before = path.read_bytes()

    def frames():
        yield frame(1)
        raise KeyError('stop')

    with pytest.raises(KeyError, match='stop'):
        write(path, frames())
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ['a.mp4']


def test_a_block_without_frames_makes_no_file(tmp_path):
    with VideoWriter(tmp_path / 'a.mp4'):
        pass
    assert not os.listdir(tmp_path)


def test_frames_of_two_sizes_and_unknown_formats_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no video format is known for '\.xyz'; use \.mp4"):
        VideoWriter(tmp_path / 'a.xyz')
    with pytest.raises(DataError, match=r'a frame of \(48, 64, 3\) in a video of \(49, 65, 3\)'):
        write(tmp_path / 'a.mp4', [frame(0), frame(0, 48, 64)])
    assert not os.listdir(tmp_path)


def test_a_video_that_cannot_be_read_back_whole_does_not_get_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writing, 'count_frames', lambda path: 2)
    with pytest.raises(DataError, match=r'a\.mp4 cannot be written whole: only 2 of 3 frames'):
        write(tmp_path / 'a.mp4', [frame(n) for n in range(3)])
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(sys.platform == 'win32', reason='no limits of file sizes')
@pytest.mark.parametrize('suffix', ['.mp4', '.avi', '.mkv'])
def test_a_full_disk_is_an_error_and_leaves_nothing_with_the_name(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    code = (
        'import resource, numpy as np\n'
        'from salseg.errors import DataError\n'
        'from salseg.io.video_writing import VideoWriter\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n'
        'rng = np.random.default_rng(0)\n'
        'try:\n'
        f'    with VideoWriter({str(path)!r}) as writer:\n'
        '        for n in range(40): writer.write(rng.integers(0, 256, (96, 128, 3), dtype=np.uint8))\n'
        'except DataError as error:\n'
        '    print("REFUSED", error)\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert 'REFUSED' in done.stdout, done.stderr
    assert path.name in done.stdout
    assert not os.listdir(tmp_path)


def test_without_pyav_opencv_writes_the_same_frames_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(video_writing, 'av', None)
    with pytest.warns(UserWarning, match='PyAV is not installed'):
        path = write(tmp_path / 'a.mp4', [frame(n) for n in range(3)])
    assert count_frames(path) == 3
    assert next(FrameSource(path).frames()).shape == (50, 66, 3)
    assert os.listdir(tmp_path) == ['a.mp4']


@pytest.mark.parametrize('size', [(48, 64), (47, 65), (99, 130)])
def test_mov_keeps_the_opacity_of_every_frame(tmp_path, size):
    height, width = size
    y, x = np.mgrid[:height, :width]
    rgba = np.dstack([x * 3, y * 4, 255 - x * 3, np.where(x > width // 2, 255, 3 * y)])
    rgba = np.clip(rgba, 0, 255).astype(np.uint8)
    with VideoWriter(tmp_path / 'a.mov') as writer:
        # Many frames: with several threads the encoder falsified a few per cent of them at such widths.
        for _ in range(40):
            writer.write(rgba)
    with av.open(str(tmp_path / 'a.mov')) as container:
        found = [frame.to_ndarray(format='rgba')[:height, :width] for frame in container.decode(video=0)]
    assert len(found) == 40
    for one in found:
        assert np.abs(one[..., 3].astype(int) - rgba[..., 3]).max() <= 1
        assert np.abs(one[..., :3].astype(int) - rgba[..., :3]).mean() < 2
    assert sum(1 for _ in FrameSource(tmp_path / 'a.mov').frames()) == 40


def test_opacity_is_neither_lost_nor_guessed(tmp_path):
    for name, channels, expected in (('a.mov', 3, 4), ('a.mp4', 4, 3)):
        with (
            pytest.raises(DataError, match=rf'expected \(height, width, {expected}\)'),
            VideoWriter(tmp_path / name) as w,
        ):
            w.write(np.zeros((8, 8, channels), np.uint8))
    assert not list(tmp_path.iterdir())
