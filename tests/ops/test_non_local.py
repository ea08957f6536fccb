import torch

from salseg.ops import linear_non_local


def test_equals_the_product_with_the_whole_affinity():
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 5, 4), (2, 9, 4), (2, 9, 3))
    query, key, value = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    wanted = (query @ key.transpose(1, 2) / 9) @ value
    torch.testing.assert_close(linear_non_local(query, key, value), wanted)


def test_is_linear_in_the_values():
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(1, 6, 3, generator=generator, dtype=torch.float64) for _ in range(3))
    torch.testing.assert_close(linear_non_local(query, key, 3 * value), 3 * linear_non_local(query, key, value))
