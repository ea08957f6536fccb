"""A convolution of an enlarged map, computed on the small one, equals both steps one after the other."""

import pytest
import torch
import torch.nn.functional as F

from salseg.ops.enlarged import BLOCK, can_exchange, classified_enlarged


def parts(channels, inner):
    generator = torch.Generator().manual_seed(0)
    shapes = ((inner, channels, 3, 3), (inner,), (1, inner, 1, 1), (1,))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def one_after_the_other(x, size, weight, bias, last_weight, last_bias):
    large = F.interpolate(x, size=size, mode='bilinear', align_corners=False)
    return F.conv2d(F.relu(F.conv2d(large, weight, bias, padding=1)), last_weight, last_bias)


# One position, a side below a block, an edge inside a block, different factors.
@pytest.mark.parametrize(
    ('small', 'factors'), [((1, 1), (2, 3)), ((3, 5), (4, 4)), ((BLOCK + 1, 2 * BLOCK), (2, 4)), ((2, BLOCK), (5, 2))]
)
def test_equals_enlargement_then_convolution(small, factors):
    x = torch.randn(2, 3, *small, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    size = (small[0] * factors[0], small[1] * factors[1])
    weights = parts(3, 4)
    with torch.no_grad():
        assert can_exchange(x, size)
        found = classified_enlarged(x, size, *weights)
        torch.testing.assert_close(found, one_after_the_other(x, size, *weights), rtol=0, atol=1e-12)


def test_maps_that_lie_otherwise_in_memory_give_the_same():
    x = torch.randn(1, 3, 4, 6, dtype=torch.float64)
    with torch.no_grad():
        plain = classified_enlarged(x, (8, 12), *parts(3, 4))
        other = classified_enlarged(x.to(memory_format=torch.channels_last), (8, 12), *parts(3, 4))
    assert torch.equal(plain, other)


def test_what_is_not_taken():
    x = torch.zeros(1, 3, 4, 6)
    assert not can_exchange(x, (8, 12)), 'a gradient may be asked for'
    with torch.no_grad():
        assert can_exchange(x, (8, 12))
        assert not can_exchange(x, (9, 12)), 'no whole factor'
        assert not can_exchange(x, (4, 6)), 'not enlarged'
        assert not can_exchange(x.half(), (8, 12))
        assert not can_exchange(x.to('meta'), (8, 12))
        with torch.autocast('cpu', torch.bfloat16):
            assert not can_exchange(x, (8, 12))
