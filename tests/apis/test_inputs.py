"""One argument that is understood: images, folders, patterns, groups, videos, cameras."""

import cv2
import numpy as np
import pytest

from salseg.apis.inputs import find_clips, find_images, split_videos
from salseg.errors import DataError
from salseg.io.video_writing import VideoWriter
from tests.apis.brightness import photo, photos, save


@pytest.fixture()
def video(tmp_path):
    with VideoWriter(tmp_path / 'films/a.avi') as writer:
        for number in range(3):
            writer.write(photo(number, (20, 28)))
    return tmp_path / 'films/a.avi'


def names(found):
    return [(name, source.names or source.announced) for name, source in found]


def test_a_clip_is_a_folder_of_frames_a_file_or_many_of_them(tmp_path, video):
    photos(tmp_path / 'set/one', 3)
    photos(tmp_path / 'set/two', 2)
    three, two = ['000', '001', '002'], ['000', '001']
    assert names(find_clips([tmp_path / 'set/one'])) == [('one', three)]
    assert names(find_clips([tmp_path / 'set'])) == [('one', three), ('two', two)]
    assert names(find_clips([str(tmp_path / 'set/*')])) == [('one', three), ('two', two)]
    assert names(find_clips([video])) == names(find_clips([video.parent])) == [('a', 3)]
    assert names(find_clips([str(tmp_path / 'set/one/*.png')])) == [('one', three)]
    assert names(find_clips([tmp_path / 'set/one/001.png', tmp_path / 'set/one/000.png'])) == [('one', two)]


def test_what_is_no_clip_is_named(tmp_path, video):
    photos(tmp_path / 'x/one', 1)
    photos(tmp_path / 'y/one', 1)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match="two videos are called 'one'"):
        find_clips([tmp_path / 'x', tmp_path / 'y'])
    with pytest.raises(DataError, match='no image, no video, and no folder of images'):
        find_clips([tmp_path / 'empty'])
    with pytest.raises(DataError, match='nowhere does not exist'):
        find_clips([tmp_path / 'nowhere'])
    save(tmp_path / 'x/one/000.jpg', photo())
    with pytest.raises(DataError, match='have the same name'):
        find_clips([str(tmp_path / 'x/one/*')])


def test_a_number_is_a_camera_unless_a_file_is_called_so(tmp_path, monkeypatch):
    class Camera:
        def __init__(self, source):
            self.source = source

        def isOpened(self):
            return self.source == 7

        def get(self, what):
            return 30.0

        def release(self):
            pass

    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    monkeypatch.chdir(tmp_path)
    ((name, source),) = find_clips(['7'])
    assert (name, source.live) == ('camera7', True)
    assert split_videos(['7']) == ([], ['7'])
    photos(tmp_path / '7', 2)
    ((name, source),) = find_clips(['7'])
    assert (name, source.live) == ('7', False)
    assert split_videos(['7']) == (['7'], [])


def test_videos_among_inputs_of_single_images_are_told_apart(tmp_path, video):
    photos(tmp_path / 'in', 1)
    assert split_videos([tmp_path / 'in', video]) == ([str(tmp_path / 'in')], [str(video)])
    assert split_videos([video.parent]) == ([], [str(video)])
    assert split_videos([str(video.parent / '*.avi')]) == ([], [str(video)])
    assert split_videos([str(tmp_path / 'in/*.png'), 'typo.jpg']) == ([str(tmp_path / 'in/*.png'), 'typo.jpg'], [])


def test_results_that_lie_among_the_images_are_no_images(tmp_path):
    photos(tmp_path / 'in', 1)
    photos(tmp_path / 'in/maps', 1)
    assert len(find_images([tmp_path / 'in'])) == 2
    assert [str(name) for _, name in find_images([tmp_path / 'in'], outside=tmp_path / 'in/maps')] == ['000']
    assert find_images([tmp_path / 'in/*.jpg'], may_be_empty=True) == []
    np.testing.assert_array_equal([p.name for p, _ in find_images([tmp_path / 'in/maps'])], ['000.png'])
