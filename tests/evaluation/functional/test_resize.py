import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import resize_prediction


@pytest.mark.parametrize('interpolation', ['linear', 'cubic', 'pillow'])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_a_map_gets_height_and_width_and_keeps_its_range(interpolation, dtype):
    high = 255 if dtype == np.uint8 else 1
    checker = (np.indices((7, 9)).sum(axis=0) % 2 * high).astype(dtype)
    resized = resize_prediction(checker, (20, 13), interpolation)
    assert resized.shape == (20, 13)
    assert resized.dtype == dtype
    assert resized.min() >= 0
    assert resized.max() <= high
    assert resized.max() > 0.6 * high


def test_pillow_averages_when_it_shrinks_and_opencv_does_not():
    lines = np.zeros((64, 64), np.uint8)
    lines[::4] = 255
    assert np.ptp(resize_prediction(lines, (8, 8), 'pillow')[2:-2]) < np.ptp(lines) / 4
    assert abs(int(resize_prediction(lines, (8, 8), 'linear').mean()) - lines.mean()) > 30


def test_a_map_of_the_right_size_is_returned_as_it_is():
    image = np.zeros((3, 4), np.uint8)
    assert resize_prediction(image, (3, 4)) is image


def test_what_is_no_map_or_no_filter_is_refused():
    with pytest.raises(DataError, match=r'shape \(2, 3, 1\)'):
        resize_prediction(np.zeros((2, 3, 1), np.uint8), (4, 4))
    with pytest.raises(DataError, match="'area' is unknown; expected 'linear'"):
        resize_prediction(np.zeros((2, 3), np.uint8), (4, 4), 'area')
