"""Which objects stand on which backgrounds in NPMCA-net's first stage, and that their shapes stay."""

from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image

from salseg.datasets import CompositeClips, ConcatDataset, SaliencyDataset, SyntheticImages
from salseg.datasets.composite_clips import parts_of
from salseg.errors import ConfigError

READ = [dict(type='LoadFrames'), dict(type='LoadLabels')]
STILL = dict(rotation=0)


def sets(sizes, **options):
    """Sets of drawn images, each with a name and images of its own."""
    return ConcatDataset(
        [SyntheticImages(n, split=name, size=32, labels='mask', pipeline=READ, name=name, **options)
         for name, n in sizes.items()]
    )  # fmt: skip


def drawn(clips, epochs):
    """Set and image of the object and of the background of every clip."""
    for epoch in range(epochs):
        for index in range(len(clips)):
            yield [text.rpartition('_') for text in clips.begin(epoch, index)['set_id'].split(' on ')]


def test_an_object_never_stands_on_an_image_of_its_own_set():
    sizes = dict(one=2, two=5, three=9)
    clips = CompositeClips(sets(sizes), sets(sizes), size=32)
    pairs = Counter((front[0], back[0]) for front, back in drawn(clips, 40))
    assert {(a, b) for a, b in pairs} == {(a, b) for a in sizes for b in sizes if a != b}
    # All images of the other sets have one chance: of the nine of the third and the two of the first.
    assert pairs['two', 'three'] / pairs['two', 'one'] == pytest.approx(9 / 2, rel=0.4)


def test_every_image_of_the_other_sets_is_a_background_some_time():
    clips = CompositeClips(sets(dict(one=1)), sets(dict(one=3, two=4, three=2)), size=32)
    found = {'_'.join((back[0], back[2])) for _, back in drawn(clips, 200)}
    assert found == {f'two_{n:05d}' for n in range(4)} | {f'three_{n:05d}' for n in range(2)}


def test_a_set_without_another_one_beside_it_is_refused():
    with pytest.raises(ConfigError, match='objects of one need a background from another set'):
        CompositeClips(sets(dict(one=2)), sets(dict(one=2)))
    with pytest.raises(ConfigError, match='objects of one need a background from another set'):
        CompositeClips(sets(dict(one=2, two=2)), sets(dict(one=5)))


def test_sets_within_sets_are_told_apart():
    inner = ConcatDataset([sets(dict(one=1)), sets(dict(two=2))])
    assert [part.name for part in parts_of(inner)] == ['one', 'two']
    clips = CompositeClips(inner, inner, size=32)
    assert all(front[0] != back[0] for front, back in drawn(clips, 20))


def image_set(root, shape, box, value=255):
    """One image whose colour tells the place, with a mask that fills a box (top, left, bottom, right)."""
    ramp = [np.broadcast_to(v, shape) for v in (np.arange(shape[0])[:, None] % 256, np.arange(shape[1]) % 256, 7)]
    for name in ('image', 'mask'):
        (root / name).mkdir(parents=True)
    Image.fromarray(np.stack(ramp, -1).astype(np.uint8)).save(root / 'image/a.png')
    mask = np.zeros(shape, np.uint8)
    mask[box[0] : box[2], box[1] : box[3]] = value
    Image.fromarray(mask).save(root / 'mask/a.png')
    return SaliencyDataset(str(root), pipeline=READ)


@pytest.mark.parametrize('shape', [(300, 400), (400, 300), (256, 432), (90, 70), (500, 200)])
def test_a_square_object_stays_a_square(tmp_path, shape):
    side = 40
    data = image_set(tmp_path / 'set', shape, (20, 10, 20 + side, 10 + side))
    clips = CompositeClips(data, sets(dict(other=1)), motion=STILL, size=(64, 108), frames=1)
    scale = max(64 / shape[0], 108 / shape[1])
    for epoch in range(20):
        _, _, width, height = cv2.boundingRect(clips.begin(epoch, 0)['label_images'][0])
        assert width == pytest.approx(side * scale, abs=1.5)
        # A tall object is cut off where it does not fit, and never squeezed.
        assert height == pytest.approx(min(side * scale, 64), abs=1.5)


def test_horizontal_and_vertical_scale_of_the_background_are_one(tmp_path):
    data = image_set(tmp_path / 'set', (250, 200), (20, 10, 60, 50))
    clips = CompositeClips(sets(dict(other=1)), data, motion=STILL, size=(64, 108), frames=1, flip=0)
    frame = clips.begin(0, 0)['frames'][0].astype(float)
    outside = clips.begin(0, 0)['label_images'][0] == 0
    down, across = np.gradient(frame[..., 0], axis=0), np.gradient(frame[..., 1], axis=1)
    assert np.median(down[outside]) == pytest.approx(200 / 108, rel=0.1)
    assert np.median(across[outside]) == pytest.approx(200 / 108, rel=0.1)


def test_a_large_object_is_cut_but_never_lost(tmp_path):
    data = image_set(tmp_path / 'set', (400, 60), (0, 0, 400, 60))
    ring = cv2.imread(str(tmp_path / 'set/mask/a.png'), cv2.IMREAD_GRAYSCALE)
    ring[8:-8, 8:-8] = 0
    ring[:, 20:] = 0
    cv2.imwrite(str(tmp_path / 'set/mask/a.png'), ring)
    clips = CompositeClips(data, sets(dict(other=1)), motion=STILL, size=(64, 108), frames=1)
    assert all(clips.begin(epoch, 0)['label_images'][0].any() for epoch in range(50))


def test_objects_of_ids_are_pasted_together_and_void_is_not(tmp_path):
    data = image_set(tmp_path / 'set', (64, 64), (10, 10, 40, 40), value=255)
    mask = np.asarray(Image.open(tmp_path / 'set/mask/a.png')).copy()
    mask[12:38, 12:38] = 1
    mask[20:30, 20:30] = 2
    Image.fromarray(mask).save(tmp_path / 'set/mask/a.png')
    data = SaliencyDataset(str(tmp_path / 'set'), encoding='index', pipeline=READ)
    clips = CompositeClips(data, sets(dict(other=1)), motion=STILL, size=64, frames=1, flip=0)
    np.testing.assert_array_equal(clips.begin(0, 0)['label_images'][0], ((mask > 0) & (mask < 255)).astype(np.uint8))
