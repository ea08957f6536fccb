import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation.functional import time_statistics


def test_by_hand():
    # Five frames: quarters {1, 2}, {2, 3}, {3, 4}, {4, 5} share a frame with their neighbours.
    mean, recall, decay = time_statistics(np.array([1.0, 0.8, 0.6, 0.5, 0.1]))
    assert mean == pytest.approx(0.6)
    assert recall == pytest.approx(0.6)
    assert decay == pytest.approx(0.9 - 0.3)


@pytest.mark.parametrize('frames', [1, 2, 255, 256, 257, 1000])
def test_constant_values_do_not_decay_however_long_the_video(frames):
    assert time_statistics(np.full(frames, 0.75)) == (0.75, 1, 0)


@pytest.mark.parametrize('frames', [300, 1025])
def test_a_long_falling_line_decays_by_three_quarters(frames):
    assert time_statistics(np.linspace(1, 0, frames)).decay == pytest.approx(0.75, abs=0.01)


def test_undefined_frames_are_left_out_of_means():
    mean, recall, _ = time_statistics(np.array([np.nan, 0.8, 0.6, np.nan]))
    assert mean == pytest.approx(0.7)
    assert recall == 1.0


def test_no_frame_is_an_error():
    with pytest.raises(DataError, match='at least one frame'):
        time_statistics(np.array([]))


@pytest.mark.parametrize('before', [1, 8, 300])
def test_frames_that_do_not_count_change_nothing(before):
    values = np.linspace(1, 0.3, 9)
    padded = np.r_[[np.nan] * before, values[:4], np.nan, values[4:]]
    assert time_statistics(padded) == time_statistics(values)


def test_nothing_that_counts_has_no_statistics():
    assert np.isnan(time_statistics(np.array([np.nan, np.nan]))).all()
