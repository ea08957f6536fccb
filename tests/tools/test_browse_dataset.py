import sys
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from tests.needs import ROOT


@pytest.fixture()
def browse(tiny_config):
    import runpy

    main = runpy.run_path(str(ROOT / 'tools/misc/browse_dataset.py'))['main']

    def call(*arguments):
        with mock.patch.object(sys, 'argv', ['browse_dataset.py', str(tiny_config), *map(str, arguments)]):
            return main()

    return call


def test_images_are_what_an_epoch_draws_and_another_epoch_draws_otherwise(browse, tmp_path, capsys):
    for name, epoch in (('a', 0), ('again', 0), ('b', 1)):
        assert browse('--out', tmp_path / name, '--number', 3, '--epoch', epoch) == 0
    assert 'labels [0, 1, 255]' in capsys.readouterr().out
    images = {
        name: [np.asarray(Image.open(path)) for path in sorted((tmp_path / name).iterdir())]
        for name in ('a', 'again', 'b')
    }
    assert [len(found) for found in images.values()] == [3, 3, 3]
    assert all((x == y).all() for x, y in zip(images['a'], images['again']))
    assert any((x != y).any() for x, y in zip(images['a'], images['b']))


def test_the_test_set_and_a_start_can_be_chosen(browse, tmp_path):
    assert browse('--out', tmp_path / 'o', '--part', 'test', '--start', 2) == 0
    assert [path.name for path in (tmp_path / 'o').iterdir()] == ['test_00002.png']


def test_a_start_behind_the_end_is_refused(browse, tmp_path, capsys):
    assert browse('--out', tmp_path / 'o', '--start', 6) == 2
    assert 'has 6 items' in capsys.readouterr().err
