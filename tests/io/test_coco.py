import json

import numpy as np
import pytest

from salseg.errors import DataError
from salseg.io.coco import CocoTrackWriter, TrackedMask, encode_rle


def test_runs_are_those_of_pycocotools():
    library = pytest.importorskip('pycocotools.mask', reason='pycocotools is not installed')
    rng = np.random.default_rng(0)
    for number in range(60):
        height, width = rng.integers(1, 70, 2)
        mask = rng.random((height, width)) < rng.random()
        if number % 3 == 0:
            mask = np.kron(mask, np.ones((9, 40), bool))
        for one in (mask, np.zeros_like(mask), np.ones_like(mask)):
            expected = library.encode(np.asfortranarray(one.astype(np.uint8)))
            found = encode_rle(one)
            assert (found['counts'], found['size']) == (expected['counts'].decode(), list(expected['size']))
            np.testing.assert_array_equal(library.decode(found), one)


def test_a_hand_computed_mask():
    # Columns 0 0 | 1 1 | 0 1: two zeros, two ones, one zero, and a one, which is stored as the difference to two.
    assert encode_rle(np.array([[0, 1, 0], [0, 1, 1]], bool)) == dict(size=[2, 3], counts='221O')


def test_what_is_no_mask_is_refused():
    for wrong in (np.zeros((2, 2), np.uint8), np.zeros(4, bool)):
        with pytest.raises(DataError, match='expected'):
            encode_rle(wrong)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:7] = True
    writer = CocoTrackWriter(tmp_path / 'a.json', [4]).__enter__()
    writer.write(0, 'f.png', (6, 8), [TrackedMask(4, mask, 0.5)])
    writer.__exit__(KeyError, KeyError(), None)
    assert not list(tmp_path.iterdir())
    with CocoTrackWriter(tmp_path / 'a.json', [4]) as writer:
        writer.write(0, 'f.png', (6, 8), [TrackedMask(4, mask, 0.5)])
        writer.write(5, 'g.png', (6, 8), [])
    found = json.loads((tmp_path / 'a.json').read_text())
    assert [image['frame'] for image in found['images']] == [0, 5]
    (one,) = found['annotations']
    assert (one['bbox'], one['area'], one['image_id'], one['track_id'], one['score']) == ([2, 1, 5, 2], 10, 1, 4, 0.5)
    assert found['categories'] == [dict(id=4, name='object 4')]
