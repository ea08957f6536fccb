"""Crops of the published configs: what a frame of 480 x 854 looks like after them."""

import numpy as np
import pytest

from salseg.datasets.transforms import RandomResizedCrop
from tests.needs import needs_project
from tests.recipes.built import geometry, step

needs_project('npmca_net')
needs_project('xmem')

FRAME = (480, 854)
DRAWS = 5000
NPMCA = [f'projects/npmca_net/configs/npmca-net_{name}_davis17' for name in (
    'r50_paper', 'r50_paper-without-cm', 'r50_paper-without-pm', 'r50_paper-one-encoder', 'lite0_paper')]  # fmt: skip
XMEM = [f'projects/xmem/configs/xmem_{name}' for name in (
    'r50_masks_davis17-480', 'r50_stage2-long_384', 'lite0_masks_davis17-240')]  # fmt: skip


def spread(values):
    """5 %, 50 % and 95 %."""
    return np.percentile(values, (5, 50, 95))


@pytest.mark.parametrize('path', NPMCA)
def test_clips_of_npmca_are_cropped_and_not_stretched(path):
    for crop in step(path, 'RandomResizedCrop'):
        ratios, shares = geometry(crop, FRAME, DRAWS)
        # Sides of whole pixels: 0.2 % of 256.
        np.testing.assert_allclose(spread(ratios), 1, atol=0.004)
        # Half of the frame up to all that has the shape of the target: 480 * 810 of 480 * 854.
        np.testing.assert_allclose(spread(shares), (0.52, 0.72, 0.93), atol=0.01)
        assert 0.499 < shares.min() < shares.max() < 0.95


@pytest.mark.parametrize('path', XMEM)
def test_clips_of_xmem_are_cropped_by_the_rule_of_the_release(path):
    """Square windows of 0.36 to 1 of the frame, aspect 3/4 to 4/3, that fit: the median is 0.9 in a wide frame."""
    for crop in step(path, 'RandomResizedCrop'):
        ratios, shares = geometry(crop, FRAME, DRAWS)
        np.testing.assert_allclose(spread(ratios), (0.758, 0.90, 1.23), atol=0.02)
        np.testing.assert_allclose(spread(shares), (0.37, 0.47, 0.675), atol=0.01)


@pytest.mark.parametrize('size', [(480, 854), (854, 480), (200, 200), (40, 400)])
def test_windows_have_the_distribution_of_torchvisions(size):
    transforms = pytest.importorskip('torchvision.transforms')
    torch = pytest.importorskip('torch')
    torch.manual_seed(0)
    image, theirs = torch.zeros(1, *size), []
    for _ in range(5000):
        _, _, height, width = transforms.RandomResizedCrop.get_params(image, (0.36, 1.0), (3 / 4, 4 / 3))
        theirs.append((height / width, height * width / (size[0] * size[1])))
    for found, expected in zip(geometry(RandomResizedCrop(384), size, 5000), np.transpose(theirs)):
        np.testing.assert_allclose(spread(found), spread(expected), atol=0.025)


def test_the_aspect_is_that_of_the_target_times_the_drawn_one():
    ratios, _ = geometry(RandomResizedCrop((256, 432), area=(0.3, 0.4)), FRAME, 4000)
    np.testing.assert_allclose(spread(np.log(ratios)), np.log([0.77, 1, 1.3]), atol=0.03)


def test_a_window_that_never_fits_is_the_largest_allowed_one_in_the_middle():
    crop = RandomResizedCrop((20, 40), area=(0.9, 1.0), aspect=(1, 1))
    assert crop.window(crop.draw(np.random.default_rng(0)), (100, 100)) == (0, 25, 100, 75)
    assert crop.window(crop.draw(np.random.default_rng(0)), (100, 400)) == (100, 0, 300, 100)
