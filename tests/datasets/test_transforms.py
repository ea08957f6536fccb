import random
import warnings

import numpy as np
import pytest
from PIL import Image

from salseg.datasets.transforms import (
    LoadFrames,
    LoadGroundTruth,
    LoadLabels,
    PackFrames,
    RandomCrop,
    RandomFlip,
    RandomPhotometric,
    Resize,
)
from salseg.datasets.transforms.base import mirrored
from salseg.errors import ConfigError, DataError, LabelError
from salseg.structures import FrameGeometry


def results(frames=2, size=(20, 30), seed=0):
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(frames)]
    labels = [rng.integers(0, 2, size, dtype=np.uint8) for _ in range(frames)]
    names = [str(i) for i in range(frames)]
    return dict(
        dataset='set', set_id='x', frame_ids=names, frame_paths=names, frames=images, labels=labels,
        geometry=[FrameGeometry.whole(*size) for _ in range(frames)], label_kind=['binary'] * frames,
        label_paths=[None] * frames, rng=np.random.default_rng(seed),
    )  # fmt: skip


@pytest.mark.parametrize('transform', [RandomFlip(), RandomCrop(12), RandomPhotometric()])
def test_random_transforms_draw_from_the_items_own_generator_only(transform, monkeypatch):
    def touched(*args, **kwargs):
        raise AssertionError('a global generator was used')

    for module, names in (
        (np.random, ('rand', 'random', 'randint', 'uniform', 'choice', 'normal')),
        (random, ('random', 'randint', 'uniform', 'choice')),
    ):
        for name in names:
            monkeypatch.setattr(module, name, touched)
    first, second = transform(results(seed=3)), transform(results(seed=3))
    for a, b in zip(first['frames'], second['frames']):
        assert np.array_equal(a, b)


def test_per_clip_treats_all_frames_alike_and_per_frame_does_not():
    clip = [RandomFlip(per='clip')(results(8, seed=s))['geometry'] for s in range(6)]
    assert all(len({g.flip for g in records}) == 1 for records in clip)
    assert len({records[0].flip for records in clip}) == 2
    frame = RandomFlip(per='frame')(results(8))['geometry']
    assert len({g.flip for g in frame}) == 2


def test_a_flip_mirrors_images_and_labels():
    before, after = results(), RandomFlip(1.0)(results())
    assert np.array_equal(after['frames'][0], before['frames'][0][:, ::-1])
    assert np.array_equal(after['labels'][1], before['labels'][1][:, ::-1])


@pytest.mark.parametrize('dtype', [np.uint8, np.float32, bool])
@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 6), (5, 7, 0)])
def test_what_is_mirrored_keeps_shape_and_type(shape, dtype):
    values = (np.random.default_rng(0).random(shape) * 3).astype(dtype)
    for given in (values, values[1:4, 2:6]):
        found = mirrored(given)
        assert (found.shape, found.dtype, found.flags.c_contiguous) == (given.shape, given.dtype, True)
        assert np.array_equal(found, given[:, ::-1])


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_photometric_changes_are_those_of_their_factors_and_leave_the_image_alone(dtype):
    """Brightness; contrast about the mean grey; saturation about each pixel's grey; then the range."""
    given = results(frames=1)
    image = given['frames'][0] = given['frames'][0].astype(dtype)
    before = image.copy()
    transform = RandomPhotometric(0.9, 0.9, 0.9)
    brightness, contrast, saturation = transform.draws(results(frames=1))[0]
    changed = transform(given)['frames'][0]
    assert np.array_equal(image, before)
    luma = np.array((0.299, 0.587, 0.114))
    wanted = before * float(brightness)
    wanted = ((wanted - (mean := (wanted @ luma).mean())) * contrast) + mean
    wanted = (wanted - (grey := (wanted @ luma)[..., None])) * saturation + grey
    assert np.abs(changed - wanted.clip(0, 255)).max() < (1.001 if dtype == np.uint8 else 1e-3)


def test_a_crop_cuts_images_and_labels_at_the_same_place():
    before, after = results(), RandomCrop((7, 9))(results())
    x0, y0, x1, y1 = (int(v) for v in after['geometry'][0].crop)
    assert (y1 - y0, x1 - x0) == (7, 9)
    assert np.array_equal(after['frames'][0], before['frames'][0][y0:y1, x0:x1])
    assert np.array_equal(after['labels'][0], before['labels'][0][y0:y1, x0:x1])


def test_a_crop_larger_than_the_frame_is_refused():
    with pytest.raises(DataError, match=r'20x30 is smaller than the crop of 40x40(.|\n)*Resize before'):
        RandomCrop(40)(results())


def test_nearest_resize_invents_no_label_and_the_released_one_does():
    item = results(1, (40, 40))
    item['labels'][0][:] = 255
    item['labels'][0][10:13, 5:35] = 1
    copy = {
        **item,
        'labels': [item['labels'][0].copy()],
        'frames': list(item['frames']),
        'geometry': list(item['geometry']),
    }
    assert set(np.unique(Resize(23)(item)['labels'][0])) == {1, 255}
    assert 0 in np.unique(Resize(23, scribble_resize='released')(copy)['labels'][0])


def test_exact_resize_keeps_fractions_and_plain_resize_bytes():
    assert Resize(11, exact=True)(results())['frames'][0].dtype == np.float32
    assert Resize(11)(results())['frames'][0].dtype == np.uint8


def test_packing_stacks_frames_and_keeps_where_they_came_from():
    packed = PackFrames()(results(3))
    assert packed['inputs'].shape == (3, 3, 20, 30)
    assert packed['data_samples'].labels.shape == (3, 20, 30)
    assert packed['data_samples'].where(1) == 'set / x / 1'


def test_frames_of_one_set_must_agree_at_network_size():
    item = results()
    item['frames'][1] = item['frames'][1][:10]
    with pytest.raises(DataError, match='Put a Resize'):
        PackFrames()(item)


def test_a_scribble_without_an_object_scribble_is_named_and_may_be_allowed():
    item = results(1)
    item.update(label_kind=['scribble'], label_images=[np.zeros((20, 30), np.uint8)])
    with pytest.raises(
        LabelError, match=r"x has no object scribble \(0 object and 600 background(.|\n)*one_sided='allow'"
    ):
        LoadLabels()(dict(item))
    assert LoadLabels(one_sided='allow')(dict(item))['labels'][0].sum() == 0


def test_hard_and_soft_labels_in_one_set_are_refused():
    item = results(2)
    item.update(label_kind=['soft', 'binary'])
    with pytest.raises(DataError, match='mixes soft and hard'):
        LoadLabels()(item)


def test_unknown_options_are_refused():
    with pytest.raises(ConfigError, match="'clip' or 'frame'"):
        RandomFlip(per='video')
    with pytest.raises(ConfigError, match=r'\[0, 1\]'):
        RandomFlip(2.0)


def test_an_annotation_that_fits_the_turned_photo_only_is_turned_back_with_a_warning(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.zeros((8, 12), np.uint8)
    stored[1:4, 2:9] = 255
    Image.fromarray(np.repeat(stored[..., None], 3, 2)).save(tmp_path / 'a.jpg', exif=exif)
    Image.fromarray(stored).save(tmp_path / 'fits.png')
    Image.fromarray(np.rot90(stored, -1)).save(tmp_path / 'turned.png')
    for name in ('fits', 'turned'):
        results = dict(
            dataset='d', set_id='a', frame_paths=[str(tmp_path / 'a.jpg')], label_paths=[str(tmp_path / f'{name}.png')],
            label_kind=['binary'],
        )  # fmt: skip
        results = LoadFrames()(results)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            results = LoadGroundTruth()(LoadLabels()(results))
        np.testing.assert_array_equal(results['labels'][0], stored > 0)
        np.testing.assert_array_equal(results['gt_maps'][0], stored)
        assert len(said) == (2 if name == 'turned' else 0)
        assert all('fits it only as its EXIF orientation turns it' in str(warning.message) for warning in said)
