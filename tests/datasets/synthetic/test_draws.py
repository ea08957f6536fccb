import random

import numpy as np
import pytest

from salseg.datasets.synthetic import draw_group, draw_image, draw_scribbles, draw_video
from salseg.datasets.synthetic.draws import bell, generator_at, image_size
from salseg.errors import DataError


def test_places_whose_digits_run_together_have_different_streams():
    draws = [generator_at('image', 1, 'a', 12), generator_at('image', 11, 'a', 2), generator_at('image', 1, 'a/1', 2)]
    assert len({rng.random() for rng in draws}) == 3


def test_bell_noise_has_mean_zero_and_deviation_one():
    noise = bell(generator_at('test', 0, 'noise', 0), (300, 301))
    assert noise.shape == (300, 301)
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.01
    assert np.abs(noise).max() < 3.46


def test_an_unknown_version_says_which_one_can_be_drawn():
    with pytest.raises(DataError, match=r'version 99 cannot be drawn.*draws version 1'):
        draw_image(0, 'train', 0, version=99)


@pytest.mark.parametrize(
    ('size', 'message'), [(16, 'at least 32'), ((64, 8), 'at least 32'), ((1, 2, 3), 'height, width')]
)
def test_a_size_that_cannot_be_drawn_is_refused(size, message):
    with pytest.raises(DataError, match=message):
        image_size(size)


def test_a_split_needs_a_name_and_an_index_that_is_not_negative():
    with pytest.raises(DataError, match='has a name'):
        draw_image(0, '', 0)
    with pytest.raises(DataError, match='counted from 0'):
        draw_image(0, 'train', -1)


def test_the_global_generators_are_never_touched(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('a global generator was used')

    for module in (np.random, random):
        for name in ('seed', 'random', 'uniform', 'choice', 'shuffle'):
            monkeypatch.setattr(module, name, refuse)
    for name in ('rand', 'randn', 'randint', 'normal', 'permutation', 'random_sample', 'default_rng'):
        monkeypatch.setattr(np.random, name, refuse)
    drawn = draw_image(0, 'train', 0, 64)
    draw_group(0, 'train', 0, 2, 64)
    video = draw_video(0, 'train', 0, size=64, hidden='object', late=True)
    assert video.frame(3).labels.any()
    assert video.flow(3)[1].any()
    assert video.scribble(3).any()
    assert draw_scribbles(drawn.mask, np.random.Generator(np.random.PCG64(0))).any()
