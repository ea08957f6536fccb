"""Videos written frame by frame: resumed, finished, with gaps, from a camera."""

import cv2
import numpy as np
import pytest

from salseg.apis import ClipPredictor, predict_video
from salseg.io.annotations import read_map
from salseg.io.listing import missing_numbers
from salseg.io.record import read_record, write_record
from salseg.io.videos import FrameSource
from salseg.errors import DataError
from tests.apis.brightness import brightness_model, contents, photo, photos

ALL = ('mask', 'overlay', 'cutout', 'video')


class Killed(BaseException):
    """As a signal would, it passes every handler of ordinary errors."""


def predictor(gain=1.0):
    return ClipPredictor(brightness_model('clip', gain))


def frames_of(path):
    return list(FrameSource(path).frames())


@pytest.mark.parametrize('count', [3, 8, 11, 13])
@pytest.mark.parametrize('stop', [1, 5, 9, 11])
def test_a_killed_call_goes_on_and_gives_the_same(tmp_path, count, stop):
    photos(tmp_path / 'in', count)
    assert predict_video(predictor(), tmp_path / 'in', tmp_path / 'whole') == count

    def kill(done, total):
        assert total == count
        if done == stop:
            raise Killed

    if stop <= count:
        with pytest.raises(Killed):
            predict_video(predictor(), tmp_path / 'in', tmp_path / 'cut', progress=kill)
        assert not (tmp_path / 'cut/overlay.mp4').exists()
    there = {p.name: p.stat().st_mtime_ns for p in (tmp_path / 'cut').rglob('*.png')}
    assert predict_video(predictor(), tmp_path / 'in', tmp_path / 'cut') == count
    assert contents(tmp_path / 'cut') == contents(tmp_path / 'whole')
    assert there.items() <= {p.name: p.stat().st_mtime_ns for p in (tmp_path / 'cut').rglob('*.png')}.items()
    pair = [frames_of(tmp_path / f'{name}/overlay.mp4') for name in ('cut', 'whole')]
    np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize('frames', [0, -3, 4, 'all', None])
def test_a_record_whose_frames_were_changed_is_not_believed(tmp_path, frames):
    photos(tmp_path / 'in', 3)
    predict_video(predictor(), tmp_path / 'in', tmp_path / 'out')
    record = read_record(tmp_path / 'out')
    assert (record.state, record.result['frames']) == ('done', 3)
    record.result['frames'] = frames
    write_record(tmp_path / 'out', record)
    with pytest.raises(DataError, match=r'run\.json is no record of salseg: result: frames is (.|\n)*delete it'):
        predict_video(predictor(), tmp_path / 'in', tmp_path / 'out')


def test_a_finished_video_is_not_repeated_and_other_results_are_refused(tmp_path):
    photos(tmp_path / 'in', 6)
    photos(tmp_path / 'other', 6)
    predict_video(predictor(), tmp_path / 'in', tmp_path / 'out', ALL)
    again = predictor()
    assert predict_video(again, tmp_path / 'in', tmp_path / 'out', ALL) == 6
    assert again.model.backbone.seen == 0
    for made, source, what in ((predictor(2.0), 'in', 'weights'), (predictor(), 'other', 'video')):
        with pytest.raises(DataError, match=f'with other {what}'):
            predict_video(made, tmp_path / source, tmp_path / 'out', ALL)
    assert predict_video(predictor(2.0), tmp_path / 'in', tmp_path / 'out', ALL, overwrite=True) == 6
    kinds = {path.parent.name for path in (tmp_path / 'out').rglob('*.png')}
    assert kinds == {'mask', 'overlay', 'cutout'}


def test_a_report_shows_frames_of_the_whole_video(tmp_path):
    photos(tmp_path / 'in', 7)
    predict_video(predictor(), tmp_path / 'in', tmp_path / 'out', ('report',))
    page = (tmp_path / 'out/report.html').read_text()
    assert page.count('<figure>') == 7
    assert not (tmp_path / 'out/overlay.mp4').exists()


def test_a_missing_frame_is_named_before_anything_is_written(tmp_path):
    photos(tmp_path / 'in', 9)
    for number in (4, 5):
        (tmp_path / f'in/{number:03d}.png').unlink()
    with pytest.raises(
        DataError, match=r'lacks 2 frames in its numbering: 004, 005, between 003 and 006(.|\n)*--allow-gaps'
    ):
        predict_video(predictor(), tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    assert predict_video(predictor(), tmp_path / 'in', tmp_path / 'out', allow_gaps=True) == 7


@pytest.mark.parametrize(
    ('names', 'missing'),
    [
        (['f1', 'f2', 'f4'], [('f3',)]),
        (['00000', '00005', '00010', '00020'], [('00015',)]),
        (['1', '2', '3', '1000003'], [('4', '5', '6', '7', '8')]),
        (['a', 'b', 'c'], []),
        (['a1', 'a2', 'b4'], []),
        (['1700000000', '1700000041', '1700000075', '1700000120'], []),
        (['1', '3'], []),
    ],
)  # fmt: skip
def test_gaps_in_a_numbering(names, missing):
    assert [gap.first for gap in missing_numbers(names)] == missing


def test_a_far_number_is_counted_without_being_listed():
    (gap,) = missing_numbers(['1', '2', '3', '1000000003'])
    assert (gap.before, gap.after, gap.count) == ('3', '1000000003', 999999999)


class Camera:
    """Gives noise for ever, and a KeyboardInterrupt in the place of the 19th frame."""

    interrupt = True

    def __init__(self, source):
        assert source == 0
        self.next = 0

    def isOpened(self):
        return True

    def get(self, what):
        return 30.0

    def read(self):
        self.next += 1
        if self.interrupt and self.next == 19:
            raise KeyboardInterrupt
        return True, np.ascontiguousarray(photo(self.next)[..., ::-1])

    def release(self):
        pass


def test_a_camera_ends_with_ctrl_c_and_its_video_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    # The last window is held back until the next is complete, and a few frames wait for the writer.
    assert predict_video(predictor(), 0, tmp_path / 'out') >= 8
    monkeypatch.undo()
    maps = len(list((tmp_path / 'out/mask').iterdir()))
    assert 8 <= maps <= 16
    assert len(frames_of(tmp_path / 'out/overlay.mp4')) == maps


def test_a_camera_stops_after_as_many_frames_as_requested(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    assert predict_video(predictor(), 0, tmp_path / 'out', ('mask',), max_frames=6) == 6
    assert len(contents(tmp_path / 'out')) == 6
    with pytest.raises(DataError, match='a camera cannot be looked at twice'):
        predict_video(predictor(), 0, tmp_path / 'out', ('report',))


def test_frames_of_a_model_on_single_images_do_not_depend_on_each_other(tmp_path):
    photos(tmp_path / 'in', 5)
    single = ClipPredictor(brightness_model('image'), length=1)
    assert predict_video(single, tmp_path / 'in', tmp_path / 'out', ('mask',)) == 5
    for number in range(5):
        alone = next(single([('x', photo(number))])).saliency
        np.testing.assert_array_equal(read_map(tmp_path / f'out/mask/{number:03d}.png'), alone)
