import cv2
import numpy as np
import pytest
from PIL import Image

from salseg.datasets.transforms import AntialiasedResize, LoadSoftLabels
from salseg.errors import ConfigError, DataError
from salseg.structures import FrameGeometry


def results(tmp_path, kinds, values, shape=(4, 6)):
    paths = []
    for index, value in enumerate(values):
        path = tmp_path / f'{index}.png'
        if value is not None:
            cv2.imwrite(str(path), np.full(shape, value, np.uint8))
        paths.append(None if value is None else str(path))
    return dict(
        dataset='set', set_id='video', frame_ids=[str(i) for i in range(len(kinds))], frame_paths=paths,
        label_paths=paths, label_kind=kinds, frames=[np.zeros((4, 6, 3), np.uint8) for _ in kinds],
    )  # fmt: skip


def test_kinds_may_differ_within_a_clip(tmp_path):
    loaded = LoadSoftLabels()(results(tmp_path, ['binary', 'index', 'soft'], [255, 3, 51]))['saliency']
    assert [float(value.mean()) for value in loaded] == pytest.approx([1.0, 1.0, 0.2])


def test_a_missing_annotation_is_refused_or_zero(tmp_path):
    with pytest.raises(DataError, match='no annotation'):
        LoadSoftLabels()(results(tmp_path, ['binary', 'binary'], [255, None]))
    loaded = LoadSoftLabels(missing='zero')(results(tmp_path, ['binary', 'binary'], [255, None]))['saliency']
    assert loaded[1].max() == 0


def test_scribbles_are_refused(tmp_path):
    with pytest.raises(DataError, match='scribble'):
        LoadSoftLabels()(results(tmp_path, ['scribble'], [1]))


def test_an_annotation_of_another_size_is_refused_or_resized(tmp_path):
    with pytest.raises(DataError, match='differ in size'):
        LoadSoftLabels()(results(tmp_path, ['binary'], [255], shape=(8, 8)))
    loaded = LoadSoftLabels(mismatch='resize')(results(tmp_path, ['binary'], [255], shape=(8, 8)))['saliency']
    assert loaded[0].shape == (4, 6)


def test_unknown_options_are_refused():
    with pytest.raises(ConfigError, match='missing'):
        LoadSoftLabels(missing='skip')


def test_antialiased_resize_averages_what_shrinks_into_one_pixel():
    board = np.indices((32, 32)).sum(0) % 2
    frame = np.repeat((board * 255).astype(np.uint8)[..., None], 3, 2)
    given = dict(
        frames=[frame], saliency=[board.astype(np.float32)], labels=[board.astype(np.uint8)],
        geometry=[FrameGeometry.whole(32, 32)],
    )  # fmt: skip
    found = AntialiasedResize(8)(given)
    assert np.abs(found['frames'][0][2:6, 2:6].astype(float) - 127.5).max() < 2
    assert np.abs(found['saliency'][0][2:6, 2:6] - 0.5).max() < 0.01
    assert set(np.unique(found['labels'][0])) <= {0, 1}
    wanted = np.asarray(Image.fromarray(frame).resize((8, 8), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(found['frames'][0], wanted)
    assert found['geometry'][0].size == (8, 8)
