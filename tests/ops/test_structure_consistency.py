import pytest
import torch

from salseg.ops import structural_similarity, structure_consistency


def sample(shape=(2, 1, 6, 5), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))


def similarity_at(x, y, row, column):
    """SSIM of one pixel from its nine values, those outside the map being 0."""

    def window(maps):
        values = torch.zeros(9, dtype=maps.dtype)
        for i in range(9):
            r, c = row + i // 3 - 1, column + i % 3 - 1
            if 0 <= r < maps.shape[0] and 0 <= c < maps.shape[1]:
                values[i] = maps[r, c]
        return values

    a, b = window(x), window(y)
    covariance = (a * b).mean() - a.mean() * b.mean()
    variances = a.square().mean() - a.mean() ** 2 + b.square().mean() - b.mean() ** 2
    luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
    return luminance * (2 * covariance + 9e-4) / (variances + 9e-4)


def test_similarity_is_the_definition_at_every_pixel_the_border_included():
    x, y = (maps.detach() for maps in sample((1, 1, 4, 5)))
    expected = [[similarity_at(x[0, 0], y[0, 0], row, column) for column in range(5)] for row in range(4)]
    torch.testing.assert_close(structural_similarity(x, y)[0, 0], torch.tensor(expected, dtype=torch.float64))


def test_a_map_is_fully_similar_to_itself():
    x, _ = sample()
    torch.testing.assert_close(structural_similarity(x, x), torch.ones_like(x))
    assert structure_consistency(x, x).abs().max() < 1e-12


def test_two_flat_maps_differ_in_luminance_alone():
    x, y = torch.full((1, 1, 5, 5), 0.2, dtype=torch.float64), torch.full((1, 1, 5, 5), 0.8, dtype=torch.float64)
    expected = (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)
    assert structural_similarity(x, y)[0, 0, 2, 2].item() == pytest.approx(expected)


def test_without_structure_it_is_the_mean_absolute_difference():
    x, y = sample()
    torch.testing.assert_close(structure_consistency(x, y, alpha=0), (x - y).abs().mean((-2, -1)))


def test_it_mixes_structure_and_value_by_alpha_for_every_map():
    x, y = sample((2, 3, 6, 5))
    structure = ((1 - structural_similarity(x, y)) / 2).mean((-2, -1))
    torch.testing.assert_close(
        structure_consistency(x, y, alpha=0.6), 0.6 * structure + 0.4 * (x - y).abs().mean((-2, -1))
    )


def test_both_maps_get_the_gradient_of_finite_differences():
    x, y = sample((1, 1, 4, 3))
    assert torch.autograd.gradcheck(structure_consistency, (x, y))


def test_it_is_symmetric():
    x, y = sample()
    torch.testing.assert_close(structure_consistency(x, y), structure_consistency(y, x))


def test_half_precision_is_computed_in_float32():
    x, y = (maps.detach().to(torch.bfloat16) for maps in sample())
    torch.testing.assert_close(structure_consistency(x, y), structure_consistency(x.float(), y.float()))
