import cv2
import numpy as np
import pytest

from salseg.datasets.synthetic import draw_image, draw_scribbles
from salseg.datasets.synthetic.scribbles import _distance
from salseg.errors import DataError
from tests.needs import REAL


def rng(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def masks():
    """Large and small objects, thin lines, a hole, full and nearly full images."""
    plain = np.zeros((60, 80), dtype=bool)
    block, line, dot, ring = plain.copy(), plain.copy(), plain.copy(), plain.copy()
    block[20:45, 30:60] = True
    line[30, 5:70] = True
    dot[10, 10] = True
    y, x = np.mgrid[:60, :80]
    ring[np.abs(np.hypot(y - 30, x - 40) - 18) < 5] = True
    return dict(block=block, line=line, dot=dot, ring=ring, nearly=~dot, checks=(y // 6 + x // 6) % 2 == 0)


@pytest.mark.parametrize('name', masks())
@pytest.mark.parametrize('width', [None, 1.0, 9.0])
def test_scribbles_of_both_classes_stay_inside_their_class(name, width):
    mask = masks()[name]
    for seed in range(5):
        scribble = draw_scribbles(mask, rng(seed), width=width)
        assert set(np.unique(scribble)) == {0, 1, 2}
        assert mask[scribble == 1].all()
        assert not mask[scribble == 2].any()


@pytest.mark.parametrize('shape', [(60, 80), (37, 200), (300, 400)])
def test_the_labelled_fraction_stays_below_the_limit_at_any_width_and_number_of_scribbles(shape):
    mask = np.zeros(shape, dtype=bool)
    mask[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = True
    for seed in range(6):
        for width, scribbles in ((None, (1, 3)), (7.0, (3, 3)), (1.0, (1, 1))):
            assert (draw_scribbles(mask, rng(seed), width=width, scribbles=scribbles) > 0).mean() < 0.04
        assert (draw_scribbles(mask, rng(seed), max_fraction=0.01) > 0).mean() < 0.01


def test_synthetic_images_are_labelled_in_both_classes_on_fewer_than_4_percent():
    drawn = [draw_image(0, 'train', index, 96) for index in range(20)]
    shares = [(d.scribble > 0).mean() for d in drawn]
    assert max(shares) < 0.04
    assert np.mean(shares) > 0.01
    for d in drawn:
        assert (d.scribble == 1).any()
        assert (d.scribble == 2).any()
        assert d.mask[d.scribble == 1].all()
        assert not d.mask[d.scribble == 2].any()


def test_the_same_generator_draws_the_same_scribbles_and_another_one_others():
    mask = masks()['block']
    assert np.array_equal(draw_scribbles(mask, rng(1)), draw_scribbles(mask, rng(1)))
    assert not np.array_equal(draw_scribbles(mask, rng(1)), draw_scribbles(mask, rng(2)))


def test_a_scribble_is_long_and_thin():
    scribble = draw_scribbles(np.ones((100, 100), dtype=bool), rng(), scribbles=(1, 1), width=2.0)
    rows, columns = np.nonzero(scribble == 1)
    assert max(np.ptp(rows), np.ptp(columns)) > 20
    assert 30 < len(rows) < 300


def test_a_sloppy_scribble_crosses_the_border_by_no_more_than_it_may():
    mask = masks()['ring']
    # Distance of pixels outside the ring to it, and inside it to what is outside.
    depth = _distance(~mask, 20) + _distance(mask, 20)
    strays = []
    for seed in range(20):
        scribble = draw_scribbles(mask, rng(seed), sloppiness=4.0, scribbles=(3, 3))
        wrong = ((scribble == 1) & ~mask) | ((scribble == 2) & mask)
        strays.extend(depth[wrong])
    assert len(strays) > 0
    # Half a pixel more for the nearest pixel of the shifted line.
    assert max(strays) <= 4.5


def test_the_second_background_scribble_mostly_goes_into_the_hole():
    mask = masks()['ring']
    y, x = np.mgrid[:60, :80]
    hole = np.hypot(y - 30, x - 40) < 13
    inside = [(draw_scribbles(mask, rng(seed))[hole] == 2).any() for seed in range(20)]
    assert 0.4 < np.mean(inside) < 1


def test_a_mask_without_an_object_is_refused_or_gets_background_scribbles_only():
    empty = np.zeros((40, 40), dtype=bool)
    with pytest.raises(DataError, match=r'no object pixel.*allow_empty'):
        draw_scribbles(empty, rng())
    assert set(np.unique(draw_scribbles(empty, rng(), allow_empty=True))) == {0, 2}


def test_a_mask_without_background_gets_object_scribbles_only():
    assert set(np.unique(draw_scribbles(np.ones((40, 40)), rng()))) == {0, 1}


def test_one_pixel_is_enough():
    assert draw_scribbles(np.ones((1, 1)), rng()).tolist() == [[1]]
    assert sorted(draw_scribbles(np.array([[0, 255]]), rng())[0]) == [1, 2]


@pytest.mark.parametrize(
    ('mask', 'options', 'message'),
    [
        (np.ones((4, 4, 3)), {}, r'shape \(4, 4, 3\)'),
        (np.ones((0, 5)), {}, r'shape \(0, 5\)'),
        (np.ones((9, 9)), {'width': 0.5}, 'at least 1 pixel wide'),
        (np.ones((9, 9)), {'scribbles': (0, 2)}, '1 <= least'),
        (np.ones((9, 9)), {'sloppiness': -1.0}, 'sloppiness is -1'),
        (np.ones((9, 9)), {'max_fraction': 0.0}, 'max_fraction 0'),
    ],
)
def test_bad_input_is_named(mask, options, message):
    with pytest.raises(DataError, match=message):
        draw_scribbles(mask, rng(), **options)


def test_the_distance_is_euclidean_up_to_its_limit():
    region = rng(3).random((23, 31)) > 0.05
    outside = np.argwhere(~region)
    y, x = np.mgrid[:23, :31]
    slow = np.hypot(y[..., None] - outside[:, 0], x[..., None] - outside[:, 1]).min(-1)
    for limit in (3, 40, 200):
        np.testing.assert_allclose(_distance(region, limit), np.minimum(slow, limit), rtol=1e-6)


def test_real_masks_get_scribbles_inside_their_class():
    folder = REAL / 'sod/ECSSD/mask'
    files = sorted(folder.glob('*.png'))[:12]
    if not files:
        pytest.skip(f'no real masks in {folder}; set SALSEG_REAL_DATA to a folder that has sod/ECSSD/mask')
    for seed, file in enumerate(files):
        mask = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) > 127
        scribble = draw_scribbles(mask, rng(seed))
        assert mask[scribble == 1].all()
        assert not mask[scribble == 2].any()
        assert {1, 2} <= set(np.unique(scribble))
        assert (scribble > 0).mean() < 0.04
