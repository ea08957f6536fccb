import numpy as np
import pytest

from salseg.datasets.synthetic import NOISE, border_contrast, centre_prior, draw_image
from salseg.datasets.synthetic.motion import develop
from salseg.datasets.synthetic.draws import generator_at
from salseg.datasets.synthetic.painting import REACH, Grid, Light, Pose, SceneObject, paint
from salseg.datasets.synthetic.shapes import OUTLINES, Shape, draw_shape
from salseg.datasets.synthetic.textures import FAMILIES, Texture

PINNED_MEANS = [97.68, 95.79, 86.31, 95.92]
PINNED_AREAS = [1306, 2059, 1686, 2163]
LIGHT = Light(azimuth=0.0, ambient=0.4, shadow=0.0, reach=0.1)


def max_f(maps, masks):
    """Maximum over 256 thresholds of the mean F curve, beta^2 = 0.3, of maps in [0, 1]."""
    curves = []
    for values, mask in zip(maps, masks):
        values = (values - values.min()) / np.ptp(values)
        chosen = values[..., None] >= np.arange(256) / 255
        hits = (chosen & mask[..., None]).sum((0, 1))
        precision, recall = hits / np.maximum(chosen.sum((0, 1)), 1), hits / mask.sum()
        curves.append(1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-9))
    return np.mean(curves, axis=0).max()


def disc(radius, depth=0.0):
    shape = Shape('ellipse', (1.0,) * 6, (0.0, 0.0))
    texture = Texture('cloud', 1.0, 0.0, (0.0, 0.0))
    white, none = np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32)
    return SceneObject(shape, Pose(0.1, -0.05, radius, 0.7), texture, white, none, depth)


def test_an_image_does_not_depend_on_what_was_drawn_before():
    first = draw_image(3, 'train', 5, 64)
    draw_image(3, 'train', 9, 64)
    draw_image(4, 'test', 5, 96)
    again = draw_image(3, 'train', 5, 64)
    for name in ('image', 'mask', 'labels', 'scribble'):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()


def test_no_two_images_of_splits_and_seeds_are_equal():
    places = [(seed, split, index) for seed in (0, 1) for split in ('train', 'test', 'val') for index in range(6)]
    assert len({draw_image(*place, 48).image.tobytes() for place in places}) == len(places)


def test_shapes_and_types_are_those_that_the_class_promises():
    drawn = draw_image(0, 'train', 1, (70, 101))
    assert drawn.image.shape == (70, 101, 3)
    assert drawn.mask.shape == drawn.labels.shape == drawn.scribble.shape == (70, 101)
    assert (drawn.image.dtype, drawn.mask.dtype, drawn.labels.dtype, drawn.scribble.dtype) == (
        np.uint8,
        bool,
        np.uint8,
        np.uint8,
    )
    assert np.array_equal(drawn.mask, drawn.labels > 0)


def test_version_1_still_draws_the_images_it_drew():
    # Means over many pixels: they survive a last-bit difference of sines, and nothing else.
    drawn = [draw_image(0, 'train', index, 96) for index in range(4)]
    np.testing.assert_allclose([d.image.mean() for d in drawn], PINNED_MEANS, atol=0.05)
    np.testing.assert_allclose([d.mask.sum() for d in drawn], PINNED_AREAS, atol=3)


def test_a_mask_holds_the_pixels_whose_centre_is_inside_the_outline():
    grid, thing = Grid(60, 80), disc(0.3)
    mask = paint(np.zeros((60, 80, 3), dtype=np.float32), thing, grid, LIGHT)
    y, x = np.mgrid[:60, :80] + 0.5
    expected = np.hypot((x - 40) / 60 - 0.1, (y - 30) / 60 + 0.05) < 0.3
    assert np.array_equal(mask, expected)
    assert np.array_equal(mask, thing.covers(*grid.axes()))


@pytest.mark.parametrize('depth', [0.0, 0.4])
def test_paint_covers_the_mask_and_nothing_farther_than_a_pixel_from_it(depth):
    canvas = np.zeros((60, 80, 3), dtype=np.float32)
    mask = paint(canvas, disc(0.3, depth), Grid(60, 80), LIGHT)
    padded = np.pad(mask, 1)
    neighbours = [padded[1 + i : 61 + i, 1 + j : 81 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert canvas[np.all(neighbours, axis=0)].min() > 0.2
    assert canvas[~np.any(neighbours, axis=0)].max() == 0


@pytest.mark.parametrize('family', OUTLINES)
def test_every_outline_is_closed_and_no_larger_than_painting_allows_for(family):
    axis = np.linspace(-1.6, 1.6, 161, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    for index in range(24):
        inside = draw_shape(generator_at('test', 0, family, index), family)(u, v) < 0
        assert 0.2 < inside.mean() * 3.2**2 < 4.5
        assert np.hypot(u, v)[inside].max() < REACH


@pytest.mark.parametrize('family', FAMILIES)
def test_every_texture_stays_within_its_range_and_is_no_constant(family):
    u, v = np.meshgrid(np.linspace(-3, 3, 97, dtype=np.float32), np.linspace(-2, 2, 85, dtype=np.float32))
    pattern = Texture(family, 0.9, 0.4, (0.1, 0.2))(u, v)
    assert pattern.dtype == np.float32
    assert -1.0001 <= pattern.min() < -0.3 < 0.3 < pattern.max() <= 1.0001


def test_the_noise_is_as_strong_as_documented():
    canvas = np.full((100, 100, 3), 0.5, dtype=np.float32)
    image = develop(generator_at('test', 0, 'noise', 0), canvas)
    # Rounding adds a twelfth of a squared level.
    assert abs(image.std() - np.hypot(255 * NOISE, 12**-0.5)) < 0.1


def test_neither_position_nor_contrast_against_the_border_finds_the_objects():
    drawn = [draw_image(0, 'test', index, 96) for index in range(24)]
    masks = [d.mask for d in drawn]
    assert max_f([centre_prior(96, 96)] * len(drawn), masks) <= 0.6
    for clusters in (1, 4):
        assert max_f([border_contrast(d.image, clusters) for d in drawn], masks) <= 0.6


def test_the_measure_of_those_baselines_gives_a_perfect_map_1():
    masks = [draw_image(0, 'test', index, 48).mask for index in range(3)]
    assert max_f([mask.astype(np.float32) for mask in masks], masks) == pytest.approx(1)


def test_border_contrast_is_the_distance_to_the_border_color():
    image = np.zeros((20, 20, 3), dtype=np.uint8)
    image[8:12, 8:12] = 255
    assert np.array_equal(border_contrast(image) == 1, image[..., 0] == 255)
    image[:, :10] = 200
    two = border_contrast(image, clusters=2)
    assert two[0].max() < 1e-5
    assert two[8, 11] == 1


def test_objects_lie_anywhere_also_at_the_border_and_one_or_two_of_them():
    drawn = [draw_image(1, 'train', index, 48) for index in range(60)]
    counts = [len(np.unique(d.labels)) - 1 for d in drawn]
    assert set(counts) == {1, 2}
    cut = [d.mask[0].any() or d.mask[-1].any() or d.mask[:, 0].any() or d.mask[:, -1].any() for d in drawn]
    assert 0.05 < np.mean(cut) < 0.6
    middles = np.array([np.argwhere(d.mask).mean(axis=0) / 48 for d in drawn])
    assert middles.std(axis=0).min() > 0.1
